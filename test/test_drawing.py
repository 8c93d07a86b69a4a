# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Overlays show each object in its colour, say how far to trust it, and leave the rest alone."""

from __future__ import annotations

import numpy as np
import pytest

from surgsam2_ros.drawing import (
    STATE_NAMES,
    DrawnTrack,
    contact_sheet,
    draw_contour,
    draw_overlay,
    instance_colour,
    label_palette,
)
from surgsam2_ros.tracking import TrackState

SIZE = (240, 320)


def grey() -> np.ndarray:
    return np.full((*SIZE, 3), 90, np.uint8)


def square(x: int, y: int, side: int = 60) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[y : y + side, x : x + side] = True
    return mask


def changed(image: np.ndarray) -> np.ndarray:
    return (image != grey()).any(axis=2)


def test_the_fill_is_light_and_stays_inside():
    track = DrawnTrack('a', 1, square(100, 100))
    image = draw_overlay(grey(), [track], opacity=0.25, labels=False)
    expected = 0.75 * 90 + 0.25 * np.array(instance_colour(1))
    assert np.abs(image[130, 130] - expected).max() <= 1
    assert not changed(image)[: 100 - 3].any()
    assert not changed(image)[:, 160 + 3 :].any()


def test_the_contour_has_the_full_colour_of_the_instance():
    image = draw_overlay(grey(), [DrawnTrack('a', 2, square(100, 100))], labels=False)
    assert tuple(image[100, 130]) == instance_colour(2)


def test_colours_may_be_given():
    track = DrawnTrack('a', 2, square(100, 100))
    image = draw_overlay(grey(), [track], opacity=0.5, colour_of=lambda track: (1, 2, 200))
    assert tuple(image[100, 130]) == (1, 2, 200)
    expected = 0.5 * 90 + 0.5 * np.array((1, 2, 200))
    assert np.abs(image[130, 130] - expected).max() <= 1
    own, given = (image == np.array(c) for c in (instance_colour(2), (1, 2, 200)))
    assert not own.all(axis=2).any(), 'neither on the mask nor on the label'
    assert given.all(axis=2)[:95].any(), 'the bar of the label'


def test_the_input_is_not_drawn_on():
    image = grey()
    draw_overlay(image, [DrawnTrack('a', 1, square(10, 10))])
    assert (image == grey()).all()


def test_a_tentative_object_has_gaps_in_its_contour():
    solid, dashed = grey(), grey()
    draw_contour(solid, square(100, 100), (255, 255, 255), halo=False)
    draw_contour(dashed, square(100, 100), (255, 255, 255), dashed=True, halo=False)
    assert 0.3 < changed(dashed).sum() / changed(solid).sum() < 0.8


def test_an_uncertain_object_is_hatched_and_outlined_in_amber():
    uncertain = DrawnTrack('a', 1, square(100, 100), 0.6, TrackState.UNCERTAIN)
    image = draw_overlay(grey(), [uncertain], labels=False)
    amber = (image == (255, 176, 0)).all(axis=2)
    inside = np.s_[105:155, 105:155]
    assert 0.05 < amber[inside].mean() < 0.3
    assert (image[inside][~amber[inside]] == 90).all(), 'what lies below is seen between the lines'
    assert 0.3 < amber[100, 100:160].mean() < 0.8, 'the outline has gaps'
    assert not (image == instance_colour(1)).all(axis=2).any()


def test_the_label_of_an_uncertain_object_stands_out():
    def label(state):
        track = DrawnTrack('a', 1, square(100, 100), 0.6, state)
        red, _, blue = np.moveaxis(draw_overlay(grey(), [track])[:95].astype(int), 2, 0)
        return red - blue

    assert label(TrackState.UNCERTAIN).max() > 100, 'amber'
    assert label(TrackState.TRACKED).max() <= 0


def test_states_are_named_as_the_tracker_does():
    assert tuple(state.name for state in TrackState) == STATE_NAMES


def test_an_object_without_a_mask_is_listed_at_the_bottom():
    lost = DrawnTrack('a', 1, np.zeros(SIZE, bool), 0.0, 3, 40)
    image = draw_overlay(grey(), [lost])
    assert changed(image)[-25:, :100].any()
    assert not changed(image)[:-40].any()


def test_labels_of_neighbours_do_not_cover_each_other():
    tracks = [DrawnTrack('a', 1, square(100, 100)), DrawnTrack('b', 2, square(104, 100))]
    both = draw_overlay(grey(), tracks, opacity=0)
    bars = [(both == instance_colour(i)).all(axis=2).sum() for i in (1, 2)]
    alone = [
        (draw_overlay(grey(), [t], opacity=0) == instance_colour(t.instance)).all(axis=2).sum()
        for t in tracks
    ]
    assert min(b / a for a, b in zip(alone, bars, strict=True)) > 0.5


@pytest.mark.parametrize('corner', [(0, 0), (310, 0), (0, 230), (310, 230)])
def test_masks_and_labels_at_the_edge_are_drawn(corner):
    mask = np.zeros(SIZE, bool)
    mask[corner[1] : corner[1] + 10, corner[0] : corner[0] + 10] = True
    track = DrawnTrack('a name that is far too long for the picture it is in, ä', 1, mask)
    assert changed(draw_overlay(grey(), [track])).any()


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"mask of 'a' is \[5, 5\]"):
        draw_overlay(grey(), [DrawnTrack('a', 1, np.zeros((5, 5), bool))])


def test_colours_are_stable_and_distinct():
    colours = [instance_colour(i) for i in range(1, 255)]
    assert colours == [instance_colour(i) for i in range(1, 255)]
    assert len(set(colours[:7])) == 7
    palette = label_palette()
    assert palette.shape == (256, 3)
    assert tuple(palette[3]) == instance_colour(3)
    assert not palette[0].any()


def test_a_contact_sheet_holds_every_image():
    images = [np.full((*SIZE, 3), 40 * i + 20, np.uint8) for i in range(5)]
    sheet = contact_sheet(images, [str(i) for i in range(5)], columns=3, tile_width=160, title='t')
    assert sheet.shape[1] == 10 + 3 * 170
    for value in range(20, 200, 40):
        assert ((sheet == value).all(axis=2)).sum() > 0.9 * 160 * 120
    with pytest.raises(ValueError, match='0 images'):
        contact_sheet([], [])
