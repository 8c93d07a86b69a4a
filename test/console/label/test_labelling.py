# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is on the disk: all that was acknowledged, for this recording alone."""

import resource

import numpy as np
import pytest
from label_desks import disc_mask, give, mask_prompt, open_desk, write_bag, write_folder

from surgsam2_ros.console.desk import Description, DeskError
from surgsam2_ros.console.label.labels import Verdict


def test_all_is_there_when_it_is_opened_again(tmp_path):
    bag = write_bag(tmp_path / 'a.mcap', 8)
    desk = open_desk(bag)
    camera = desk.cameras[0]
    give(desk, 3, mask_prompt(3, class_name='probe'))
    desk.propagate(1)
    assert desk.wait(60)
    desk.describe(camera, 'disc', Description(name='hook'))
    desk.judge(Verdict.ACCEPTED, 3, 5, 'ann')
    desk.judge(Verdict.REJECTED, 7, 7, 'ann')
    before = desk.overview()
    masks = [desk.labelling.masks.read(index).label_image({1}) for index in range(3, 8)]
    desk.close()

    again = open_desk(bag)
    after = again.overview()
    for name in ('verdicts', 'tracked', 'uncertain', 'prompted'):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    assert [one.name for one in again.instruments(camera)] == ['hook']
    for index, labels in enumerate(masks, start=3):
        read = again.labelling.masks.read(index).label_image({1})
        np.testing.assert_array_equal(read, labels)
    assert 'prompt' not in again.undo(camera)  # the rejection
    again.close()


def test_a_work_folder_of_another_recording_is_refused_by_name(tmp_path):
    first, second = (write_bag(tmp_path / f'{name}.mcap', 4 + len(name)) for name in ('a', 'bb'))
    open_desk(first, tmp_path / 'work').close()
    before = sorted(file.name for file in (tmp_path / 'work').iterdir())
    with pytest.raises(DeskError, match=r'holds the labels of .*a\.mcap .*not those of .*bb\.mcap'):
        open_desk(second, tmp_path / 'work')
    assert sorted(file.name for file in (tmp_path / 'work').iterdir()) == before


def test_a_recording_that_was_moved_is_still_the_same(tmp_path):
    bag = write_bag(tmp_path / 'a.mcap', 4)
    desk = open_desk(bag, tmp_path / 'work')
    give(desk, 1, mask_prompt(1))
    desk.close()
    desk = open_desk(bag.rename(tmp_path / 'moved.mcap'), tmp_path / 'work')
    assert len(desk.instruments(desk.cameras[0])) == 1
    desk.close()


def test_a_work_folder_that_is_open_elsewhere_is_refused(desk, tmp_path):
    with pytest.raises(DeskError, match='open in another console'):
        open_desk(tmp_path / 'frames')


def test_on_a_full_disk_nothing_changes_and_it_goes_on_when_there_is_room(tmp_path):
    source = write_folder(tmp_path / 'frames', 6)
    desk = open_desk(source)
    give(desk, 2, mask_prompt(2))
    journal = (tmp_path / 'frames.labels' / 'journal.jsonl').read_bytes()
    desk.go_to(2)
    picture = desk.wait_for_picture(desk.cameras[0], 0, 5.0)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        with pytest.raises(DeskError, match='cannot be written: File too large; nothing was'):
            desk.give(picture, mask_prompt(5))
        with pytest.raises(DeskError, match='cannot be written'):
            desk.describe(desk.cameras[0], 'disc', Description(name='hook'))
        desk.propagate(1)
        assert desk.wait(60)
        assert 'cannot be written' in desk.notices()[-1].text
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / 'frames.labels' / 'journal.jsonl').read_bytes() == journal
    assert desk.instruments(desk.cameras[0])[0].name == 'disc'
    desk.describe(desk.cameras[0], 'disc', Description(name='hook'))
    desk.close()
    again = open_desk(source)
    assert again.instruments(again.cameras[0])[0].name == 'hook'
    read = again.labelling.masks.read(2).objects[1].crop.expand()
    np.testing.assert_array_equal(read, disc_mask(2))
    again.close()


def test_masks_that_were_prepared_for_a_prompt_in_the_journal_are_put_in_place(tmp_path):
    source = write_folder(tmp_path / 'frames', 6)
    desk = open_desk(source)
    give(desk, 2, mask_prompt(2))
    desk.close()
    masks = tmp_path / 'frames.labels' / 'masks'
    (masks / '0000' / '0000002.masks').rename(masks / 'pending-1-2')  # as a kill would leave it
    (masks / 'pending-9-3').write_bytes(b'of a prompt that nobody acknowledged')
    again = open_desk(source)
    read = again.labelling.masks.read(2).objects[1].crop.expand()
    np.testing.assert_array_equal(read, disc_mask(2))
    assert again.labelling.masks.read(3) is None
    assert not list(masks.glob('pending-*'))
    again.close()


def test_a_damaged_mask_file_costs_its_frame_alone_and_is_told(tmp_path):
    source = write_folder(tmp_path / 'frames', 6)
    desk = open_desk(source)
    for index in (2, 3):
        give(desk, index, mask_prompt(index))
    desk.close()
    (tmp_path / 'frames.labels' / 'masks' / '0000' / '0000002.masks').write_bytes(b'xx')
    again = open_desk(source)
    assert np.flatnonzero(again.overview().tracked).tolist() == [3]
    assert 'frame 2' in again.notices()[0].text
    again.close()
