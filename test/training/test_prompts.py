# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Simulated prompts say what a person could truthfully say about a mask."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from surgsam2_ros.training.prompts import (
    PromptBatch,
    PromptKind,
    PromptRecipe,
    add_corrections,
    corrupt_mask,
    draw_clicks,
    draw_plan,
    loose_boxes,
    simulate_prompts,
)

MISS, LEAK, NOTHING = 1, 0, -1


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def disc(row, column, radius, size=64):
    rows, columns = np.mgrid[:size, :size]
    return torch.from_numpy((rows - row) ** 2 + (columns - column) ** 2 <= radius**2)


def test_the_defaults_are_those_of_the_released_recipe():
    recipe = PromptRecipe()
    assert (recipe.mask, recipe.box) == (0.5, 0.25)
    assert (recipe.prompted_frames, recipe.corrected_frames) == (1, 1)
    assert (recipe.correction_clicks, recipe.correction_from_truth) == (7, 0.1)
    assert recipe.corrections_condition


def test_kinds_come_in_their_shares_and_only_boxes_and_clicks_are_corrected(rng):
    plans = [draw_plan(PromptRecipe(), 8, rng) for _ in range(4000)]
    shares = Counter(plan.kinds[0] for plan in plans)
    # Three standard deviations of a share in 4000 draws are 0.024.
    assert shares[PromptKind.MASK] / 4000 == pytest.approx(0.5, abs=0.024)
    assert shares[PromptKind.BOX] / 4000 == pytest.approx(0.25, abs=0.021)
    for plan in plans:
        assert list(plan.kinds) == [0]
        assert plan.corrected == (set() if plan.kinds[0] is PromptKind.MASK else {0})


def test_single_frames_get_boxes_and_clicks_in_their_shares(rng):
    recipe = PromptRecipe(mask=0.6, box=0.3)
    kinds = Counter(draw_plan(recipe, 1, rng).kinds[0] for _ in range(2000))
    assert kinds[PromptKind.MASK] == 0
    assert kinds[PromptKind.BOX] / 2000 == pytest.approx(0.75, abs=0.03)


def test_more_prompted_and_corrected_frames_are_drawn_from_the_rest_of_the_clip(rng):
    recipe = PromptRecipe(mask=0.0, prompted_frames=2, corrected_frames=3)
    plans = [draw_plan(recipe, 5, rng) for _ in range(300)]
    assert {len(plan.kinds) for plan in plans} == {2}
    assert {len(plan.corrected) for plan in plans} == {3}
    assert all(next(iter(plan.kinds)) == 0 for plan in plans)
    assert all(set(plan.kinds) <= plan.corrected for plan in plans)
    assert set().union(*(plan.corrected for plan in plans)) == {0, 1, 2, 3, 4}


def test_random_counts_go_up_to_the_numbers_given(rng):
    recipe = PromptRecipe(mask=0.0, prompted_frames=2, corrected_frames=3, random_counts=True)
    plans = [draw_plan(recipe, 6, rng) for _ in range(300)]
    counts = {(len(plan.kinds), len(plan.corrected)) for plan in plans}
    assert counts == {(1, 1), (1, 2), (1, 3), (2, 2), (2, 3)}


def test_short_clips_take_as_many_prompts_as_they_can_and_leave_a_frame_to_track_from_masks(rng):
    recipe = PromptRecipe(mask=1.0, box=0.0, prompted_frames=4, corrected_frames=4)
    assert len(draw_plan(recipe, 3, rng).kinds) == 2
    clicked = draw_plan(PromptRecipe(mask=0.0, prompted_frames=4, corrected_frames=4), 3, rng)
    assert sorted(clicked.kinds) == [0, 1, 2]


def test_a_share_of_the_frames_is_corrected(rng):
    recipe = PromptRecipe(mask=0.0, correct=0.3)
    corrected = sum(bool(draw_plan(recipe, 4, rng).corrected) for _ in range(2000))
    assert corrected / 2000 == pytest.approx(0.3, abs=0.031)


def test_clicks_fall_on_every_wrong_pixel_equally_often(rng):
    truth, predicted = torch.zeros(2, 3, 4, dtype=torch.bool), torch.zeros(2, 3, 4).bool()
    truth[:, 0, :3] = True  # of these three pixels one is found
    predicted[:, 0, 0] = True
    predicted[:, 2, 1] = True  # and one is leaked to
    seen = Counter()
    for _ in range(1500):
        points, labels = draw_clicks(predicted, truth, rng)
        for (x, y), label in zip(points.int().tolist(), labels.tolist(), strict=True):
            seen[x, y, label] += 1
    assert set(seen) == {(1, 0, MISS), (2, 0, MISS), (1, 2, LEAK)}
    for count in seen.values():  # 3000 draws: 1000 each, with a deviation of 26
        assert abs(count - 1000) < 100


def test_a_click_on_what_is_right_already_is_a_negative_one_on_the_background(rng):
    truth = torch.stack([disc(32, 32, 20), torch.zeros(64, 64).bool(), torch.ones(64, 64).bool()])
    for _ in range(50):
        points, labels = draw_clicks(truth, truth, rng)
        assert labels.tolist() == [LEAK, LEAK, NOTHING]  # no background, nothing to click on
        x, y = points[0].int().tolist()
        assert not truth[0, y, x]


def test_centred_clicks_aim_at_the_thickest_place(rng):
    ring = disc(20, 40, 8) & ~disc(20, 40, 2)
    both = torch.stack([ring, disc(40, 20, 10)])
    centred = [draw_clicks(torch.zeros_like(both), both, rng, 1.0)[0] for _ in range(50)]
    distance = (torch.stack(centred)[:, 1] - torch.tensor([20.0, 40.0])).norm(dim=1)
    assert distance.max() < 3.0  # the disc of radius 10 is at least 8 deep there
    for x, y in torch.stack(centred)[:, 0].int().tolist():
        assert ring[y, x]


def test_centred_corrections_stay_among_the_misses_or_the_leaks(rng):
    truth, predicted = disc(32, 24, 14)[None], disc(32, 40, 14)[None]
    for _ in range(60):
        (point,), (label,) = draw_clicks(predicted, truth, rng, 1.0)
        x, y = point.int().tolist()
        assert truth[0, y, x] != predicted[0, y, x]
        assert label == int(truth[0, y, x])


def test_boxes_are_off_by_up_to_a_tenth_of_their_size_and_stay_in_the_picture(rng):
    masks = torch.stack([disc(30, 40, 20), disc(10, 50, 12)])
    boxes = torch.stack([loose_boxes(masks, rng, 0.1)[0] for _ in range(300)])
    inside = boxes[:, 0] - torch.tensor([[20.0, 10.0], [60.0, 50.0]])
    assert inside[:, 0].abs().max() <= 4.0
    assert inside[:, 0].abs().max() > 3.8
    assert inside.mean(dim=0).abs().max() < 0.6
    assert boxes[:, 1].min() == 0
    assert boxes[:, 1].max() == 63
    assert (boxes[:, :, 1] >= boxes[:, :, 0]).all()


def test_the_sides_of_large_boxes_are_off_by_at_most_20_pixels(rng):
    mask = torch.zeros(1, 512, 512, dtype=torch.bool)
    mask[:, 50:450, 50:450] = True
    boxes = torch.stack([loose_boxes(mask, rng, 0.1)[0] for _ in range(200)])
    off = (boxes[:, 0] - torch.tensor([[50.0, 50.0], [449.0, 449.0]])).abs()
    assert 19.0 < off.max() <= 20.0


def test_a_share_of_the_boxes_is_drawn_with_care(rng):
    mask = torch.zeros(1, 256, 256, dtype=torch.bool)
    mask[:, 50:151, 50:151] = True  # sides of 100 px: 2 % are 2 px, a tenth is 10 px
    masks = mask.expand(400, -1, -1)
    corners, _ = loose_boxes(masks, rng, 0.1, tight=0.6)
    off = (corners[:, 0] - 50.0).abs().amax(dim=1)
    assert off.max() > 9.0
    careful = (off <= 2.0).float().mean()  # by chance a loose box is, too: 0.2 * 0.2 of them
    assert careful == pytest.approx(0.6 + 0.4 * 0.04, abs=0.08)


def test_a_box_without_noise_is_tight(rng):
    boxes, labels = loose_boxes(disc(30, 33, 5)[None], rng, 0.0)
    assert boxes.tolist() == [[[28, 25], [38, 35]]]
    assert labels.tolist() == [[2, 3]]


def test_every_object_gets_a_prompt_of_the_kind(rng):
    masks = torch.stack([disc(20, 20, 6), disc(40, 40, 9)])
    assert simulate_prompts(masks, PromptKind.MASK, rng).points is None
    boxes = simulate_prompts(masks.numpy(), PromptKind.BOX, rng)
    assert boxes.points.shape == (2, 2, 2)
    assert boxes.labels.tolist() == [[2, 3], [2, 3]]
    clicks = simulate_prompts(masks, PromptKind.POINT, rng)
    assert (clicks.points.shape, clicks.points.dtype) == ((2, 1, 2), torch.float32)
    assert clicks.labels.tolist() == [[1], [1]]


def test_a_share_of_click_prompts_starts_with_several_clicks(rng):
    masks, recipe = disc(20, 20, 6)[None], PromptRecipe(several_clicks=0.5)
    counts = Counter()
    for _ in range(400):
        prompt = simulate_prompts(masks, PromptKind.POINT, rng, recipe)
        assert (prompt.labels == 1).all()
        counts[prompt.points.shape[1]] += 1
    assert set(counts) == {1, 2, 3, 4, 5}
    assert counts[1] / 400 == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize('kind', [PromptKind.BOX, PromptKind.POINT])
def test_an_object_that_is_not_there_is_denied_by_a_click_on_the_background(rng, kind):
    masks = torch.stack([disc(20, 20, 6), torch.zeros(64, 64, dtype=torch.bool)])
    prompt = simulate_prompts(masks, kind, rng)
    assert (
        prompt.labels.tolist()
        == {
            PromptKind.BOX: [[2, 3], [LEAK, NOTHING]],
            PromptKind.POINT: [[1], [LEAK]],
        }[kind]
    )


def test_corrections_are_positive_on_misses_and_negative_on_leaks(rng):
    truth = torch.stack([disc(32, 32, 10)] * 2)
    predicted = torch.stack([disc(32, 32, 6), disc(32, 32, 14)])
    start = simulate_prompts(truth, PromptKind.BOX, rng)
    corrected = add_corrections(start, predicted, truth, rng)
    assert isinstance(corrected, PromptBatch)
    assert corrected.points.shape == (2, 3, 2)
    assert corrected.labels.tolist() == [[2, 3, MISS], [2, 3, LEAK]]
    for index in (0, 1):
        x, y = corrected.points[index, 2].int().tolist()
        assert truth[index, y, x] != predicted[index, y, x]
    assert torch.equal(corrected.points[:, :2], start.points)


def test_a_tracked_frame_has_its_correction_as_its_first_click(rng):
    truth = disc(32, 32, 10)[None]
    first = add_corrections(None, torch.zeros_like(truth), truth, rng)
    assert first.labels.tolist() == [[1]]


def test_a_share_of_the_corrections_is_drawn_from_the_truth(rng):
    truth, predicted = disc(32, 24, 10)[None], disc(32, 40, 10)[None]
    recipe = PromptRecipe(correction_from_truth=0.5)
    known = 0
    for _ in range(800):
        (((x, y),),) = add_corrections(None, predicted, truth, rng, recipe).points.int().tolist()
        known += bool(truth[0, y, x] and predicted[0, y, x])
    found = (truth & predicted).sum() / truth.sum()  # what a click in the truth hits by chance
    assert known / 800 == pytest.approx(0.5 * float(found), abs=0.05)


def test_draws_depend_on_the_generator_alone():
    truth, predicted = disc(32, 24, 10)[None], disc(32, 40, 10)[None]
    draws = []
    for _ in range(2):
        torch.rand(1)
        rng = np.random.default_rng(5)
        boxes = loose_boxes(truth, rng)[0]
        draws.append(torch.cat([boxes[0], draw_clicks(predicted, truth, rng)[0]]))
    assert torch.equal(*draws)


@pytest.mark.parametrize(
    'wrong',
    [
        {'mask': 0.8, 'box': 0.3},
        {'correct': 1.5},
        {'correction_clicks': -1},
        {'prompted_frames': 2, 'corrected_frames': 1},
    ],
    ids=lambda wrong: str(wrong),
)
def test_impossible_recipes_are_refused_by_name(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PromptRecipe(**wrong)


def test_damage_changes_a_mask_but_leaves_most_of_it(rng):
    mask = disc(32, 32, 14).numpy()
    overlaps = []
    for _ in range(100):
        damaged = corrupt_mask(mask, rng)
        assert damaged.dtype == bool
        overlaps.append((damaged & mask).sum() / (damaged | mask).sum())
    assert np.mean(np.array(overlaps) < 0.99) > 0.8
    assert 0.4 < np.mean(overlaps) < 0.95


def test_damage_to_an_empty_mask_does_not_fail(rng):
    empty = np.zeros((64, 64), bool)
    assert {corrupt_mask(empty, rng).any() for _ in range(40)} == {True, False}
