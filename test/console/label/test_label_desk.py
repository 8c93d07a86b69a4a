# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The desk over a recording: prompts at any frame, masks carried on, everything taken back."""

import threading

import numpy as np
import pytest
from label_desks import disc_frame, disc_mask, give, mask_prompt

from surgsam2_ros.console.desk import Description, DeskError, Mode
from surgsam2_ros.console.label.labels import Verdict
from surgsam2_ros.tracking import Prompt, StreamingTracker, TrackState


def _picture(desk, frame=None):
    if frame is not None:
        desk.go_to(frame)
    return desk.wait_for_picture(desk.cameras[0], 0, 5.0)


def _tracked(desk):
    return np.flatnonzero(desk.overview().tracked).tolist()


def _accept(desk, first, last):
    desk.judge(Verdict.ACCEPTED, first, last, 'ann')


def test_it_shows_the_frame_that_was_gone_to(desk):
    assert desk.mode == Mode.LABEL
    picture = _picture(desk, 7)
    assert (picture.frame_index, picture.camera) == (7, 'frames')
    np.testing.assert_array_equal(picture.rgb, disc_frame(7))
    assert picture.labels is None
    assert _picture(desk, 99).frame_index == 11


def test_a_picture_is_waited_for_until_something_changes(desk):
    shown = _picture(desk)
    assert desk.wait_for_picture(desk.cameras[0], shown.serial, 0.05) is None
    timer = threading.Timer(0.1, desk.go_to, [3])
    timer.start()
    newer = desk.wait_for_picture(desk.cameras[0], shown.serial, 30.0)
    timer.join()
    assert newer.frame_index == 3
    assert newer.serial > shown.serial


def test_a_mask_is_taken_as_it_is_and_shown(desk):
    give(desk, 4, mask_prompt(4, class_name='probe'))
    picture = _picture(desk)
    np.testing.assert_array_equal(picture.labels == 1, disc_mask(4))
    (instrument,) = picture.instruments
    assert (instrument.name, instrument.class_name) == ('disc', 'probe')
    assert instrument.state == TrackState.TRACKED
    assert desk.instruments(desk.cameras[0]) == picture.instruments


def test_where_an_instrument_was_not_tracked_it_is_tentative(desk):
    give(desk, 4, mask_prompt(4))
    assert _picture(desk, 5).instruments[0].state == TrackState.TENTATIVE


def test_a_preview_shows_what_giving_would_select_and_changes_nothing(desk):
    give(desk, 4, mask_prompt(4))
    picture = _picture(desk)
    click = Prompt('disc', points=[(70.0, 8.0)], labels=[1])
    preview = desk.preview(picture, click)
    assert desk.wait_for_picture(desk.cameras[0], picture.serial, 0.0) is None
    assert not np.array_equal(preview.mask, disc_mask(4))
    desk.give(picture, click)
    np.testing.assert_array_equal(_picture(desk).labels == 1, preview.mask)


def test_a_box_starts_a_second_instrument_beside_the_first(desk):
    give(desk, 4, mask_prompt(4))
    give(desk, 4, Prompt('other', box=(50, 5, 75, 40)))
    assert [one.instance for one in desk.instruments(desk.cameras[0])] == [1, 2]


@pytest.mark.parametrize(
    ('prompt', 'words'),
    [
        (Prompt('disc', points=[(500.0, 5.0)], labels=[1]), 'outside|beyond|not within|image'),
        (Prompt('disc'), 'it is empty'),
        (Prompt('', box=(1, 1, 9, 9)), 'object id is empty'),
    ],
)
def test_a_prompt_that_cannot_be_used_is_refused_with_a_sentence(desk, prompt, words):
    with pytest.raises(DeskError, match=words):
        desk.give(_picture(desk), prompt)
    assert desk.instruments(desk.cameras[0]) == ()


def test_masks_are_carried_forwards_to_the_end_and_backwards_to_the_start(desk):
    give(desk, 8, mask_prompt(8))
    desk.propagate(1)
    assert desk.wait(60)
    assert _tracked(desk) == [8, 9, 10, 11]
    desk.go_to(8)
    desk.propagate(-1)
    assert desk.wait(60)
    assert _tracked(desk) == list(range(12))
    assert desk.position == 0


def test_what_is_carried_on_stops_and_goes_on_from_there(desk):
    give(desk, 0, mask_prompt(0))
    desk.propagate(1)
    while desk.position == 0:
        desk.wait_for_picture(desk.cameras[0], 0, 0.05)
    desk.stop()
    assert desk.wait(60)
    reached = desk.position
    assert reached > 0
    assert _tracked(desk) == list(range(reached + 1))
    if reached < 11:
        desk.propagate(1)
        assert desk.wait(60)
    assert _tracked(desk) == list(range(12))


def test_the_network_runs_on_one_thread_for_prompts_and_one_for_what_is_carried(desk, monkeypatch):
    # The C library keeps what each has needed, some hundred MB with the default network.
    threads, track = set(), StreamingTracker.track

    def tracked(self, *arguments):
        threads.add(threading.current_thread())
        return track(self, *arguments)

    monkeypatch.setattr(StreamingTracker, 'track', tracked)
    for frame in (0, 5, 9):
        prompt = Prompt('disc', box=(0, 0, 70, 47))
        asking = threading.Thread(target=give, args=(desk, frame, prompt))
        asking.start()
        asking.join()
        desk.propagate(1)
        assert desk.wait(60)
    assert len(threads) == 2


def test_it_ends_before_accepted_frames(desk):
    give(desk, 6, mask_prompt(6))
    _accept(desk, 6, 6)
    give(desk, 2, mask_prompt(2))
    desk.propagate(1)
    assert desk.wait(60)
    assert _tracked(desk) == [2, 3, 4, 5, 6]
    np.testing.assert_array_equal(_picture(desk, 6).labels == 1, disc_mask(6))
    desk.go_to(5)
    with pytest.raises(DeskError, match='frame 6 is accepted; clear it'):
        desk.propagate(1)


def test_who_goes_elsewhere_meanwhile_stays_there_and_is_shown_nothing_new(desk, monkeypatch):
    give(desk, 4, mask_prompt(4))
    serials, put = [], desk.labelling.put

    def put_and_leave(frame, masks):
        put(frame, masks)
        if frame == 6:
            desk.go_to(0)
            serials.append(_picture(desk).serial)

    monkeypatch.setattr(desk.labelling, 'put', put_and_leave)
    desk.propagate(1)
    assert desk.wait(60)
    assert _tracked(desk) == list(range(4, 12))
    assert desk.position == 0
    # That the work began and ended may show, its five further frames do not.
    assert _picture(desk).serial <= serials[0] + 2


def test_a_corrected_object_keeps_its_mask_while_others_are_carried_through(desk):
    give(desk, 2, mask_prompt(2))
    give(desk, 2, Prompt('other', box=(50, 5, 75, 40)))
    give(desk, 5, mask_prompt(5))
    desk.go_to(2)
    desk.propagate(1)
    assert desk.wait(60)
    states = desk.labelling.masks.states
    assert np.flatnonzero(states[1] != 255).tolist() == [2, 3, 4, 5]
    assert np.flatnonzero(states[2] != 255).tolist() == list(range(2, 12))
    disc = desk.labelling.masks.read(5).objects[1].crop.expand()
    np.testing.assert_array_equal(disc, disc_mask(5))


def test_a_correction_replaces_only_its_own_frame(desk):
    give(desk, 2, mask_prompt(2))
    desk.propagate(1)
    assert desk.wait(60)
    before = desk.labelling.masks.read(4)
    give(desk, 3, mask_prompt(3))
    after = desk.labelling.masks.read(4)
    np.testing.assert_array_equal(before.objects[1].crop.expand(), after.objects[1].crop.expand())
    np.testing.assert_array_equal(_picture(desk, 3).labels == 1, disc_mask(3))


def test_nothing_to_carry_is_said(desk):
    with pytest.raises(DeskError, match='frame 0 has no masks'):
        desk.propagate(1)
    give(desk, 11, mask_prompt(11))
    with pytest.raises(DeskError, match='the recording ends'):
        desk.propagate(1)


def test_only_frames_with_masks_are_accepted_and_rejected_ones_stay_so(desk):
    for frame in (2, 3, 4):
        give(desk, frame, mask_prompt(frame))
    desk.judge(Verdict.REJECTED, 3, 3, 'ann')
    _accept(desk, 0, 11)
    verdicts = desk.overview().verdicts
    assert verdicts.tolist() == [0, 0, 1, 2, 1] + [0] * 7
    _accept(desk, 3, 3)
    assert desk.overview().verdicts[3] == Verdict.ACCEPTED
    with pytest.raises(DeskError, match='frames 6 to 8 have no masks'):
        _accept(desk, 6, 8)


def test_undo_takes_back_one_change_after_the_other(desk):
    camera = desk.cameras[0]
    give(desk, 4, mask_prompt(4))
    give(desk, 4, Prompt('disc', box=(50, 5, 75, 40)))
    desk.describe(camera, 'disc', Description(name='hook', class_name='hook'))
    _accept(desk, 4, 4)
    desk.remove(camera, 'disc')
    assert _picture(desk).labels is None
    assert desk.undo(camera) == 'disc is back.'
    assert desk.undo(camera) == 'Frames 4 to 4 are no longer accepted.'
    assert desk.overview().verdicts[4] == Verdict.NONE
    assert 'name, class_name' in desk.undo(camera)
    assert desk.instruments(camera)[0].name == 'disc'
    assert 'prompt for disc in frame 4' in desk.undo(camera)
    np.testing.assert_array_equal(_picture(desk).labels == 1, disc_mask(4))
    desk.undo(camera)
    assert desk.instruments(camera) == ()
    assert _picture(desk).labels is None
    with pytest.raises(DeskError, match='nothing to take back'):
        desk.undo(camera)


def test_a_locked_instrument_takes_neither_prompts_nor_removal(desk):
    camera = desk.cameras[0]
    give(desk, 4, mask_prompt(4))
    desk.describe(camera, 'disc', Description(locked=True))
    with pytest.raises(DeskError, match='disc is locked'):
        desk.give(_picture(desk), mask_prompt(4))
    with pytest.raises(DeskError, match='disc is locked'):
        desk.remove(camera, 'disc')
    desk.describe(camera, 'disc', Description(locked=False))
    desk.remove(camera, 'disc')


def test_an_instrument_of_a_removed_name_is_a_new_one(desk):
    give(desk, 4, mask_prompt(4))
    desk.remove(desk.cameras[0], 'disc')
    give(desk, 5, mask_prompt(5))
    assert [one.instance for one in desk.instruments(desk.cameras[0])] == [2]
    assert _picture(desk, 4).labels is None


def test_operators_are_told_what_others_did(desk):
    give(desk, 4, mask_prompt(4))
    _accept(desk, 4, 4)
    (notice,) = desk.notices()
    assert (notice.author, notice.text) == ('ann', '1 frames from 4 to 4 accepted.')
    assert desk.notices(notice.serial) == ()


def test_a_frame_that_cannot_be_decoded_is_black_and_said_so(desk, tmp_path):
    (tmp_path / 'frames' / '00005.png').write_bytes(b'nothing')
    assert not _picture(desk, 5).rgb.any()
    assert any('00005.png' in notice.text for notice in desk.notices())
    with pytest.raises(DeskError, match='frame 5 cannot be decoded'):
        desk.give(_picture(desk), mask_prompt(5))
    give(desk, 3, mask_prompt(3))
    desk.propagate(1)
    assert desk.wait(60)
    assert _tracked(desk) == [3, 4]
    assert desk.notices()[-1].is_problem


def test_an_unknown_camera_and_an_unknown_instrument_are_named(desk):
    with pytest.raises(DeskError, match="no camera 'left'; there is frames"):
        desk.wait_for_picture('left', 0, 0.0)
    with pytest.raises(DeskError, match="no instrument 'hook'"):
        desk.remove(desk.cameras[0], 'hook')


def test_who_waits_for_a_picture_is_released_by_closing(desk):
    serial = _picture(desk).serial
    closing = threading.Timer(0.1, desk.close)
    closing.start()
    assert desk.wait_for_picture(desk.cameras[0], serial, 60.0) is None
    closing.join()
