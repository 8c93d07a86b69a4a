# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The hour of label mode: what it finds lost, and what it finds grown."""

import hashlib

import numpy as np
import pytest
from label_desks import disc_mask, give, mask_prompt, open_desk, write_folder
from label_hour.ledger import NEW, Ledger, Seen, State, digest_of, lost_masks
from label_hour.recording import Scene, around, inside
from label_hour.samples import Life, Sample
from label_hour.server import QUIET_SHARE, lives_s
from label_hour.verdict import GROWTH_MB_PER_10_MIN, MOST_OWN_MB, judge
from label_hour.work_folder import exported_frames, frames_with_masks, opened_copy, size_of

from surgsam2_ros.console.label.frame_masks import FrameMasks, ObjectMask
from surgsam2_ros.console.label.labels import Verdict
from surgsam2_ros.sources import BagFrames
from surgsam2_ros.tracking import MaskCrop, TrackState

FRAMES = 12


@pytest.fixture
def labelled(tmp_path):
    """Give the work folder of a desk that prompted, judged, named and exported, then let go."""
    desk = open_desk(write_folder(tmp_path / 'frames', FRAMES))
    for frame in (2, 3, 7):
        give(desk, frame, mask_prompt(frame))
    desk.judge(Verdict.ACCEPTED, 2, 3)
    work = tmp_path / 'frames.labels'
    desk.export(work / 'dataset')
    assert desk.wait(60)
    desk.close()
    return work


def _acknowledged() -> Ledger:
    """Return a ledger of what the fixture did."""
    ledger = Ledger(FRAMES)
    for frame in (2, 3, 7):
        ledger.begin(ledger.state.prompted(frame, 'disc'), frame=frame)
        ledger.acknowledge()
    ledger.begin(ledger.state.judged(np.array([2, 3]), Verdict.ACCEPTED))
    ledger.acknowledge()
    return ledger


def test_what_was_acknowledged_is_found_in_the_work_folder(labelled, tmp_path):
    before = sorted(path.read_bytes() for path in labelled.rglob('*') if path.is_file())
    with opened_copy(labelled, tmp_path / 'copy') as found:
        assert _acknowledged().settle(found.state) == []
        assert found.tracked == 3
        shown = {frame: Seen(digest_of(found.masks.read(frame), {1}), {1}) for frame in (2, 3)}
        assert lost_masks(shown, found.masks) == []
    assert not (tmp_path / 'copy').exists()
    assert sorted(path.read_bytes() for path in labelled.rglob('*') if path.is_file()) == before


def test_a_mask_is_told_by_the_label_image_that_a_page_shows():
    crop = MaskCrop.of(disc_mask(4))
    masks = FrameMasks((48, 80), {3: ObjectMask(3, crop, 0.9, 1.0, TrackState.TRACKED)})
    labels = np.where(disc_mask(4), 3, 0).astype(np.uint8)
    assert digest_of(masks, frozenset({3})) == hashlib.sha1(labels.tobytes()).hexdigest()
    assert digest_of(masks, frozenset({1})) == digest_of(None, frozenset({3})) == ''


@pytest.mark.parametrize(
    ('change', 'loss'),
    [
        (lambda ledger: ledger.state.prompted(9, 'disc'), '1 prompts are missing'),
        (lambda ledger: ledger.state.judged(np.array([7]), 2), 'verdicts of 1 frames differ'),
        (lambda ledger: ledger.state.named('disc', 'hook'), 'the names are'),
    ],
    ids=['prompt', 'verdict', 'name'],
)
def test_a_change_that_is_not_there_is_a_loss_only_when_it_was_acknowledged(
    labelled, tmp_path, change, loss
):
    with opened_copy(labelled, tmp_path / 'copy') as found:
        ledger = _acknowledged()
        ledger.begin(change(ledger))
        assert ledger.settle(found.state) == []
        ledger.begin(change(ledger))
        ledger.acknowledge()
        (sentence,) = ledger.settle(found.state)
        assert loss in sentence


def test_masks_that_are_others_than_shown_are_a_loss(labelled, tmp_path):
    with opened_copy(labelled, tmp_path / 'copy') as found:
        ledger = _acknowledged()
        ledger.show(2, Seen(digest_of(found.masks.read(2), {1}), frozenset({1})))
        ledger.show(3, Seen(digest_of(found.masks.read(7), {1}), frozenset({1})))
        ledger.show(5, Seen('of masks that are not there', frozenset({1})))
        assert [sentence.split()[4] for sentence in lost_masks(ledger.seen, found.masks)] == [
            '3',
            '5',
        ]


def test_what_was_under_way_counts_when_it_is_there_and_can_be_taken_back():
    ledger = Ledger(FRAMES)
    made = State(ledger.state.verdicts, frozenset({(4, 'hook_1')}), {'hook_1': 'hook_1'})
    ledger.begin(ledger.state.prompted(4, NEW), frame=4)
    assert ledger.settle(made) == []
    assert ledger.state == made
    ledger.show(4, Seen('', frozenset()))
    ledger.begin(ledger.before, takes_back=True)
    assert not ledger.seen
    ledger.acknowledge()
    assert ledger.state.prompts == frozenset()
    assert ledger.before is None


def test_what_nobody_asked_for_is_told():
    ledger = Ledger(FRAMES)
    made = State(ledger.state.verdicts, frozenset({(4, 'hook_1')}), {'hook_1': 'hook_1'})
    assert len(ledger.settle(made)) == 2


def test_the_work_folder_is_counted(labelled):
    assert frames_with_masks(labelled, range(FRAMES), [1]).tolist() == [2, 3, 7]
    assert frames_with_masks(labelled, range(FRAMES), [2]).tolist() == []
    assert exported_frames(labelled) == 2
    labels, files, exported = size_of(labelled)
    assert files >= 4
    assert labels > 0
    assert exported > 0
    next(labelled.glob('dataset/Annotations/*/*.png')).unlink()
    assert exported_frames(labelled) == -1


def test_lives_differ_by_the_seed_and_one_is_long():
    lives = lives_s(3600.0, 0)
    assert sum(lives) >= 3600.0
    assert max(lives) == QUIET_SHARE * 3600.0
    assert lives == lives_s(3600.0, 0) != lives_s(3600.0, 1)


def test_each_frame_of_the_bag_has_pixels_and_a_stamp_of_its_own(tmp_path):
    scene = Scene(9, drawn=4)
    scene.write(tmp_path / 'scene.mcap')
    frames = list(BagFrames(tmp_path / 'scene.mcap'))
    assert len({frame.rgb.tobytes() for frame in frames}) == 9
    assert len({frame.stamp_ns for frame in frames}) == 9
    np.testing.assert_array_equal(scene.truth(0, 1), scene.truth(6, 1))


def test_prompts_lie_on_the_instrument():
    mask = disc_mask(10)
    x, y = inside(mask)
    assert (x, y) == (30.5, 24.5)
    x0, y0, x1, y1 = around(mask, 2.0)
    assert mask.sum() == mask[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1].sum()


def _life(minutes, own_mb=lambda age_s: 500.0, **others):
    values = {'resident_mb': 700.0, 'descriptors': 20, 'threads': 18, 'labels_mb': 1.0}
    values |= {'files': 10, 'exported_mb': 0.0}
    samples = [
        Sample(at_s=age_s, age_s=age_s, own_mb=own_mb(age_s), **values | _at(others, age_s))
        for age_s in np.arange(5.0, 60 * minutes, 5.0).tolist()
    ]
    return Life(5.0, samples, 60.0 * minutes)


def _at(others, age_s):
    return {name: of(age_s) if callable(of) else of for name, of in others.items()}


def test_memory_that_stays_keeps_all_limits():
    lives = [_life(4), _life(24, lambda age_s: 300.0 + min(age_s, 100.0)), _life(1)]
    limits = judge(lives, 1000)
    assert limits.findings == ()
    assert limits.own_growth_mb_per_10_min == 0.0
    assert limits.threads == (18.0, 18.0)


@pytest.mark.parametrize(
    ('lives', 'finding'),
    [
        ([_life(24, lambda s: 400 + 1.2 * GROWTH_MB_PER_10_MIN * s / 600)], 'in 10 minutes'),
        ([_life(1, lambda _: MOST_OWN_MB + 1)], 'life 1 had'),
        ([_life(4), _life(4, lambda _: 600.0)], 'more in the last life'),
        ([_life(24, threads=lambda age_s: 18 + int(age_s / 120))], 'threads: '),
        ([_life(24, descriptors=lambda age_s: 18 + int(age_s / 120))], 'descriptors: '),
        ([_life(1, labels_mb=21.0)], 'journal and masks'),
    ],
    ids=['growth', 'most', 'drift', 'threads', 'descriptors', 'folder'],
)
def test_each_limit_that_is_broken_is_told(lives, finding):
    (sentence,) = judge(lives, 1000).findings
    assert finding in sentence
