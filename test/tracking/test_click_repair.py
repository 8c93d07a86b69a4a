# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tests of what a click changes in a tracked mask, on features of which each part has its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_network import LEAN, SIZE, noise_frames, tiny_network

from surgsam2_ros.network import ImageFeatures
from surgsam2_ros.tracking import StreamingTracker, TrackerConfig, click_repair
from surgsam2_ros.tracking.click_repair import or_by_looks, repair_mask

SIDE = 64  # of the mask; the features lie on halves and quarters of it
TISSUE, SHAFT, GLOVE, JAW = range(4)


def areas() -> torch.Tensor:
    """Return what lies where [SIDE, SIDE]: a shaft with a jaw at its end and a glove below it."""
    parts = torch.full((SIDE, SIDE), TISSUE)
    parts[16:32, 8:32] = SHAFT
    parts[32:48, 8:32] = GLOVE
    parts[16:32, 32:48] = JAW
    return parts


def features() -> ImageFeatures:
    described = torch.nn.functional.one_hot(areas(), 4).permute(2, 0, 1)[None].float()
    coarse = torch.nn.functional.avg_pool2d(described, 4)
    return ImageFeatures(described, torch.nn.functional.avg_pool2d(described, 2), coarse)


def logits_of(*parts: int) -> torch.Tensor:
    inside = torch.isin(areas(), torch.tensor(parts))
    return torch.where(inside, 5.0, -5.0)[None, None]


def mask_of(logits: torch.Tensor) -> torch.Tensor:
    return logits[0, 0] > 0


def overlap(logits: torch.Tensor, *parts: int) -> float:
    mask, truth = mask_of(logits), torch.isin(areas(), torch.tensor(parts))
    return ((mask & truth).sum() / (mask | truth).sum()).item()


def click_at(row: int, column: int) -> tuple[float, float]:
    return 4.0 * column + 2.0, 4.0 * row + 2.0


def test_a_click_beside_the_object_takes_away_what_looks_like_the_clicked_place():
    tracked = logits_of(SHAFT, GLOVE)
    repaired = repair_mask(tracked, click_at(40, 20), features(), None)
    assert overlap(tracked, SHAFT) == pytest.approx(0.5)
    assert overlap(repaired, SHAFT) > 0.9
    assert not mask_of(repaired)[40, 20]


def test_a_click_on_the_object_adds_the_part_that_it_selects():
    tracked = logits_of(SHAFT)
    repaired = repair_mask(tracked, click_at(24, 40), features(), logits_of(JAW))
    assert overlap(repaired, SHAFT, JAW) > 0.9
    assert mask_of(repaired)[24, 40]


def test_what_the_click_selects_but_looks_otherwise_is_not_added():
    selected = logits_of(JAW, GLOVE, TISSUE)
    repaired = repair_mask(logits_of(SHAFT), click_at(24, 40), features(), selected)
    assert overlap(repaired, SHAFT, JAW) > 0.9


def test_only_what_changes_gets_other_logits():
    tracked = logits_of(SHAFT, GLOVE)
    repaired = repair_mask(tracked, click_at(40, 20), features(), None)
    kept = mask_of(repaired) == mask_of(tracked)
    assert torch.equal(repaired[0, 0][kept], tracked[0, 0][kept])


@pytest.mark.parametrize('on_object', [True, False])
@pytest.mark.parametrize('place', [(0, 0), (SIDE - 1, SIDE - 1), (24, 20)])
def test_the_clicked_pixel_is_as_the_click_says(place, on_object):
    tracked = logits_of(SHAFT)
    nothing = torch.full_like(tracked, -5.0) if on_object else None
    repaired = repair_mask(tracked, click_at(*place), features(), nothing)
    assert mask_of(repaired)[place].item() == on_object


def test_a_mask_that_fills_the_image_can_be_clicked_away():
    everything = torch.full((1, 1, SIDE, SIDE), 5.0)
    repaired = repair_mask(everything, click_at(8, 56), features(), None)
    assert not mask_of(repaired)[8, 56]
    assert mask_of(repaired)[24, 20]
    repaired = repair_mask(everything, click_at(8, 56), features(), everything)
    assert mask_of(repaired).all()


def evidence_of(*parts: int) -> torch.Tensor:
    return torch.where(torch.isin(areas(), torch.tensor(parts)), 1.0, -1.0)[None, None]


class Looks:
    """Say `evidence` without a click and `after` with this one."""

    def __init__(self, evidence: torch.Tensor, after: torch.Tensor, click: tuple[float, float]):
        self.evidence, self._after, self._click = evidence, after, click

    def look_again(self, click: tuple[float, float]) -> torch.Tensor:
        assert click == self._click
        return self._after


def test_what_looks_like_a_clicked_object_is_added_where_that_agrees_better():
    click, tracked = click_at(24, 40), logits_of(SHAFT) * 0.5
    looks = Looks(evidence_of(SHAFT), evidence_of(SHAFT, JAW), click)
    by_looks = or_by_looks(logits_of(SHAFT, GLOVE), tracked, click, looks)
    assert overlap(by_looks, SHAFT, JAW) > 0.9


def test_the_repaired_mask_stays_where_it_agrees_better():
    click, repaired = click_at(24, 40), logits_of(SHAFT, JAW)
    looks = Looks(evidence_of(SHAFT, JAW), evidence_of(SHAFT, JAW), click)
    assert torch.equal(or_by_looks(repaired, logits_of(SHAFT), click, looks), repaired)


def test_a_clicked_place_is_on_the_object_whatever_the_looks_say():
    click = click_at(24, 40)
    looks = Looks(evidence_of(SHAFT), evidence_of(SHAFT), click)
    by_looks = or_by_looks(logits_of(GLOVE), logits_of(SHAFT), click, looks)
    assert mask_of(by_looks)[24, 40]


@pytest.mark.parametrize('on', [True, False])
def test_a_click_on_a_tracked_object_asks_for_its_looks_where_they_are_known(monkeypatch, on):
    asked = []
    intact = click_repair.or_by_looks
    monkeypatch.setattr(
        click_repair, 'or_by_looks', lambda *given: asked.append(given[2]) or intact(*given)
    )
    network = tiny_network(**LEAN, correct_without_memory=True)
    tracker = StreamingTracker(network, TrackerConfig(appearance_model=on))
    frames = noise_frames(2)
    mask = np.zeros(frames[0].shape[:2], bool)
    mask[10:40, 10:40] = True
    tracker.add_object('a', mask=mask)
    tracker.track(frames[0])
    tracker.add_object('a', points=[(40, 24)], labels=[1])
    tracker.add_object('a', points=[(10, 44)], labels=[0])
    assert len(tracker.track(frames[1]).tracks) == 1
    height, width = frames[0].shape[:2]
    assert [tuple(map(round, click)) for click in asked] == (
        [(round(40 / width * SIZE), round(24 / height * SIZE))] if on else []
    )
