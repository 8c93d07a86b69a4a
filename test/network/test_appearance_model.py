# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is learned of an object's looks: against NumPy, and what it may and may not change."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_network import LEAN, noise_frames, tiny_network

from surgsam2_ros.network import Decoded, ImageFeatures
from surgsam2_ros.network.appearance_model import AppearanceModel, add_to_hint, add_to_mask, judge
from surgsam2_ros.tracking import Prompt, StreamingTracker, TrackerConfig

SIDE = 16  # of the features at stride 8; masks have twice as much
FRAMES = noise_frames(12)
MASK = np.zeros(FRAMES[0].shape[:2], bool)
MASK[5:30, 5:30] = True


@pytest.fixture(scope='module', name='network')
def _network():
    return tiny_network(appearance_model=True)


@pytest.fixture(name='model')
def _model(network):
    return AppearanceModel(network, True)


def features_of(seed, mask, hue):
    """Noise, in which a mask [32, 32] stands out by the first `hue` channels of each part."""
    rng = torch.Generator().manual_seed(seed)
    parts = []
    for channels, side in ((4, 2 * SIDE), (8, SIDE), (32, SIDE // 2)):
        part = torch.randn(1, channels, side, side, generator=rng)
        area = torch.nn.functional.interpolate(mask[None, None], (side, side), mode='area')
        part[:, :hue] += 4.0 * area
        parts.append(part)
    return ImageFeatures(*parts)


def square(row, column, size=10):
    mask = torch.zeros(2 * SIDE, 2 * SIDE)
    mask[row : row + size, column : column + size] = 1.0
    return mask


def decoded_of(mask, iou=0.9, presence=5.0):
    logits = (mask * 20.0 - 10.0)[None, None]
    return Decoded(logits, torch.tensor([iou]), torch.tensor([presence]), torch.zeros(1, 32))


def taught(model, mask, *, given=True, iou=0.9, seed=0):
    described = model.describe(features_of(seed, mask, 3))
    return model.learn(described, [None], decoded_of(mask, iou), [True], [given])[0]


def test_the_weights_are_those_of_a_weighted_ridge_regression(model):
    mask = square(8, 12)
    described = model.describe(features_of(0, mask, 3))
    found = model.learn(described, [None], decoded_of(mask), [True], [True])[0]
    x = described.flatten(1).double().numpy().T
    inside = mask.double().numpy().reshape(SIDE, 2, SIDE, 2).mean(axis=(1, 3)).ravel()
    near = np.zeros((2 * SIDE, 2 * SIDE))
    near[0:32, 0:32] = 0  # cells of 4 px whose distance to one of the mask is at most three
    cells = mask.numpy().reshape(8, 4, 8, 4).max(axis=(1, 3))
    for row, column in np.argwhere(cells):
        rows = slice(4 * max(row - 3, 0), 4 * (row + 4))
        near[rows, 4 * max(column - 3, 0) : 4 * (column + 4)] = 1
    near = near.reshape(SIDE, 2, SIDE, 2).mean(axis=(1, 3)).ravel()
    beside, far = (1 - inside) * near, (1 - inside) * (1 - near)
    weights = inside / inside.sum() + beside / beside.sum() + 0.3 * far / max(far.sum(), 1)
    # Least squares with the ridge as further rows; the moments are never formed.
    root = np.sqrt(weights)[:, None]
    rows = np.vstack((x * root, np.sqrt(3e-4) * np.eye(x.shape[1])))
    labels = np.concatenate(((2 * inside - 1) * root[:, 0], np.zeros(x.shape[1])))
    expected = np.linalg.lstsq(rows, labels, rcond=None)[0]
    assert found.weights.numpy() == pytest.approx(expected, abs=2e-3)


def test_an_object_is_found_again_elsewhere(model):
    known = taught(model, square(8, 12))
    elsewhere = square(18, 4)
    evidence = model.look(model.describe(features_of(7, elsewhere, 3)), [known])[0, 0]
    inside, outside = evidence[elsewhere > 0], evidence[elsewhere == 0]
    assert (inside > 0).float().mean() > 0.9
    assert (outside < 0).float().mean() > 0.9


def test_a_click_counts_as_further_rows_of_the_regression(model):
    mask, click = square(8, 12), (100.0, 40.0)
    known = taught(model, mask)
    described = model.describe(features_of(0, mask, 3))
    found = model.look_again(described, known, click)
    x = described.flatten(1).double().numpy()
    places = [
        SIDE * row + column
        for row in range(SIDE)
        for column in range(SIDE)
        if (8 * column + 4 - click[0]) ** 2 + (8 * row + 4 - click[1]) ** 2 <= 12**2
    ]
    assert len(places) == 8
    rows = x[:, places]
    moments = known.given.double().numpy()
    square_part = moments[:, :-1] + 0.2 / 8 * rows @ rows.T + 3e-4 * np.eye(len(x))
    weights = np.linalg.solve(square_part, moments[:, -1] + 0.2 * rows.mean(axis=1))
    expected = torch.from_numpy((weights @ x).clip(-1.5, 1.5)).view(1, 1, SIDE, SIDE).float()
    expected = torch.nn.functional.interpolate(expected, scale_factor=2.0, mode='bilinear')
    assert found.numpy() == pytest.approx(expected.numpy(), abs=5e-3)
    before = model.look(described, [known])[0, 0, 10, 25]
    assert found[0, 0, 10, 25] > before + 0.2


def test_nothing_is_said_of_an_object_that_nothing_is_known_of(model):
    known = taught(model, square(8, 12))
    described = model.describe(features_of(7, square(8, 12), 3))
    evidence = model.look(described, [None, known])
    assert (evidence[0] == 0).all()
    assert (evidence[1] != 0).any()
    assert torch.equal(evidence[1:], model.look(described, [known]))


@pytest.mark.parametrize(('iou', 'strength'), [(0.3, 0.0), (0.6, 0.5), (0.9, 1.0)])
def test_guessed_masks_count_as_much_as_the_network_trusts_them(model, iou, strength):
    described = model.describe(features_of(7, square(8, 12), 3))
    given = model.look(described, [taught(model, square(8, 12), iou=iou)])
    guessed = taught(model, square(8, 12), given=False, iou=iou)
    # The same moments: what was given counts as well as what was seen, and they are alike.
    assert torch.allclose(model.look(described, [guessed]), strength * given, atol=1e-3)


def test_frames_without_the_object_and_poor_ones_teach_nothing(model):
    known = taught(model, square(8, 12))
    other = square(0, 0, 20)
    described = model.describe(features_of(3, other, 5))
    for decoded in (decoded_of(other, iou=0.4), decoded_of(other, presence=-3.0)):
        (after,) = model.learn(described, [known], decoded, [False], [False])
        assert torch.allclose(after.weights, known.weights, atol=1e-4)
    (after,) = model.learn(described, [known], decoded_of(other), [False], [False])
    assert not torch.allclose(after.weights, known.weights, atol=1e-2)


def test_an_object_that_was_absent_when_prompted_is_not_looked_for(model):
    nothing = torch.zeros(2 * SIDE, 2 * SIDE)
    described = model.describe(features_of(0, square(4, 4), 3))
    decoded = decoded_of(nothing, presence=-3.0)
    (known,) = model.learn(described, [None], decoded, [True], [False])
    assert (model.look(described, [known]) == 0).all()


def test_masks_change_near_the_object_alone():
    evidence = torch.full((1, 1, 64, 64), -1.5)
    mask = torch.zeros(64, 64)
    mask[4:8, 4:8] = 1.0
    decoded = decoded_of(mask)
    changed = add_to_mask(decoded, evidence, None).mask_logits != decoded.mask_logits
    assert changed[0, 0, :20, :20].all()
    assert not changed[0, 0, 20:].any()
    assert not changed[0, 0, :, 20:].any()
    moved = decoded.mask_logits
    assert torch.equal(add_to_hint(moved, evidence) != moved, changed)


def test_looks_correct_a_mask_but_never_take_all_of_it():
    decoded = decoded_of(square(8, 8))._replace(mask_logits=square(8, 8)[None, None] - 0.5)
    against = torch.full((1, 1, 32, 32), -1.5)
    assert torch.equal(add_to_mask(decoded, against, None).mask_logits, decoded.mask_logits)
    against[0, 0, 9, 9] = 0.0
    assert (add_to_mask(decoded, against, None).mask_logits > 0).sum() == 1


def test_an_absent_object_stays_as_it_is():
    absent = decoded_of(square(8, 8), presence=-2.0)
    absent = absent._replace(mask_logits=torch.full((1, 1, 32, 32), -1024.0))
    there = torch.ones(1, 1, 32, 32)
    changed = add_to_mask(absent, there, 10.0 * there)
    assert torch.equal(changed.mask_logits, absent.mask_logits)
    assert torch.equal(changed.iou, absent.iou)


def test_the_score_says_whether_network_and_looks_agree(model):
    mask = square(8, 8, 8)
    known = taught(model, mask)
    decoded = decoded_of(mask, iou=0.81)
    both = judge(decoded, (2.0 * mask - 1.0)[None, None], [known])
    assert both.iou.item() == pytest.approx(0.9)
    half = square(8, 8, 8)
    half[8:12] = 0.0
    evidence = (2.0 * half - 1.0)[None, None]
    assert judge(decoded, evidence, [known]).iou.item() == pytest.approx((0.81 * 0.5) ** 0.5)
    assert judge(decoded, evidence, [None]).iou.item() == pytest.approx(0.81)
    empty = decoded_of(torch.zeros(32, 32), iou=0.81)
    assert judge(empty, evidence, [known]).iou.item() == pytest.approx(0.81)


def test_a_guess_is_never_much_better_than_what_it_began_with(model):
    mask = square(8, 8, 8)
    decoded, evidence = decoded_of(mask, iou=0.81), (2.0 * mask - 1.0)[None, None]
    known = taught(model, mask, given=False, iou=0.49)
    # The geometric mean of 0.81 and nine tenths of 0.49.
    assert judge(decoded, evidence, [known]).iou.item() == pytest.approx(0.63 * 0.9**0.5)
    described = model.describe(features_of(1, mask, 3))
    (later,) = model.learn(described, [known], decoded, [False], [False])
    assert judge(decoded, evidence, [later]).iou.item() == pytest.approx(0.63 * 0.9**0.5)
    (corrected,) = model.learn(described, [known], decoded, [True], [False])
    assert judge(decoded, evidence, [corrected]).iou.item() == pytest.approx(0.81 * 0.9**0.5)


def followed(network, frames, **config):
    tracker = StreamingTracker(network, TrackerConfig(**config))
    tracker.add_objects([Prompt('a', mask=MASK), Prompt('b', box=(30, 10, 70, 40))])
    return tracker, [tracker.track(rgb) for rgb in frames]


def logits_of(results):
    return torch.stack([track.logits for result in results for track in result.tracks])


def test_it_can_be_switched_off(network):
    without = followed(tiny_network(appearance_model=False), FRAMES)[1]
    off = followed(network, FRAMES, appearance_model=False)[1]
    on = followed(network, FRAMES)[1]
    assert torch.equal(logits_of(off), logits_of(without))
    assert not torch.equal(logits_of(on), logits_of(without))


@pytest.mark.parametrize('fields', [{}, LEAN])
def test_an_object_does_not_depend_on_the_others(fields):
    network = tiny_network(**{**fields, 'appearance_model': True})
    alone = StreamingTracker(network)
    alone.add_object('a', mask=MASK)
    together, results = followed(network, FRAMES)
    for rgb, result in zip(FRAMES, results, strict=True):
        assert torch.allclose(alone.track(rgb).tracks[0].logits, result.tracks[0].logits, atol=1e-3)
    assert len(together.objects) == 2


def test_what_is_kept_is_bounded(network):
    tracker = followed(network, noise_frames(30), replay_frames=4)[0]
    kept = [len(tracked.appearances) for tracked in tracker._objects.values()]
    assert kept == [5, 5]  # those of four frames, and what was known before them
    tracker = followed(network, noise_frames(30))[0]
    assert [len(tracked.appearances) for tracked in tracker._objects.values()] == [1, 1]


def test_a_late_prompt_gives_what_it_would_have_given_in_time(network):
    in_time = StreamingTracker(network, TrackerConfig(replay_frames=8))
    late = StreamingTracker(network, TrackerConfig(replay_frames=8))
    for tracker in (in_time, late):
        tracker.add_object('a', mask=MASK)
    for index, rgb in enumerate(FRAMES[:8]):
        if index == 4:
            in_time.add_object('a', mask=~MASK)
        in_time.track(rgb)
        late.track(rgb)
    late.add_objects([Prompt('a', mask=~MASK)], frame_index=4)
    for rgb in FRAMES[8:]:
        expected, result = in_time.track(rgb).tracks[0], late.track(rgb).tracks[0]
        assert torch.allclose(result.logits, expected.logits, atol=1e-4)
        assert result.score == pytest.approx(expected.score, abs=1e-4)
