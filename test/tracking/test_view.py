# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The lit view is found, never becomes smaller, and is tracked as if it were the image."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from tiny_network import noise_frames, tiny_network

from surgsam2_ros.network import Decoded
from surgsam2_ros.tracking import Prompt, PromptError, StreamingTracker, TrackerConfig
from surgsam2_ros.tracking.rendering import DeviceRendering, render_masks
from surgsam2_ros.tracking.view import Region, ViewFinder, find_view

SIZE = (240, 400)
VIEW = Region(SIZE, 80, 0, 240, 240)


def tissue(seed: int = 0, low: int = 60) -> np.ndarray:
    """Return an image that is lit all over, uint8 [240, 400, 3]."""
    return np.random.default_rng(seed).integers(low, 200, (*SIZE, 3), dtype=np.uint8)


def round_view(seed: int = 0, radius: int = 120) -> np.ndarray:
    """Return tissue in a disc in the middle, black around it but for a little noise."""
    disc = np.zeros(SIZE, np.uint8)
    cv2.circle(disc, (200, 120), radius, 1, -1)
    noise = np.random.default_rng(seed).integers(0, 5, (*SIZE, 3), dtype=np.uint8)
    return np.where(disc[..., None], tissue(seed), noise)


def test_the_box_of_a_round_view_is_found():
    found = find_view(round_view())
    assert found.image_size == SIZE
    assert abs(found.x - 80) <= 3
    assert abs(found.width - 241) <= 6
    assert found.y <= 1
    assert found.height >= 239


@pytest.mark.parametrize(
    'image',
    [
        tissue(),
        round_view(radius=60),  # too small for a view: a lamp on something
        np.where(np.arange(400)[None, :, None] < 12, 0, tissue()).astype(np.uint8),  # a thin border
        np.where(np.arange(400)[None, :, None] < 120, tissue() // 12 + 4, tissue()),  # dark tissue
    ],
)
def test_other_images_are_taken_whole(image):
    assert find_view(image.astype(np.uint8)).is_whole


def test_a_dark_image_tells_nothing():
    assert find_view(tissue() // 20) is None
    finder = ViewFinder(on=True)
    assert finder.region(tissue() // 20).is_whole
    assert not finder.region(round_view()).is_whole, 'the lamp went on'


def test_a_word_beside_the_view_costs_nothing_of_it():
    image = round_view()
    cv2.putText(image, '12:30', (5, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.3, (200, 200, 200), 1)
    found = find_view(image)
    assert found.joined(find_view(round_view())) == found, 'nothing of the view is lost'


def test_the_region_is_widened_and_never_narrowed():
    finder = ViewFinder(on=True)
    first = finder.region(round_view(radius=100))
    assert finder.region(round_view(1, radius=100)) == first
    wider = finder.region(round_view(radius=119))
    assert wider.width > first.width
    assert wider.joined(first) == wider
    assert finder.region(round_view(radius=100)) == wider
    assert finder.region(tissue()).is_whole
    assert finder.region(round_view()).is_whole
    finder.reset()
    assert not finder.region(round_view()).is_whole


def test_noise_at_the_rim_does_not_move_the_region():
    finder = ViewFinder(on=True)
    first = finder.region(round_view(radius=110))
    assert all(finder.region(round_view(n, radius=109 + n % 3)) == first for n in range(6))


def test_images_of_another_size_have_a_view_of_their_own():
    finder = ViewFinder(on=True)
    finder.region(round_view())
    half = cv2.resize(round_view(), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    region = finder.region(half)
    assert region.image_size == (120, 200)
    assert not region.is_whole


def test_switched_off_all_of_every_image_is_seen():
    assert ViewFinder(on=False).region(round_view()).is_whole


def test_regions_scale_with_the_image():
    assert VIEW.scaled((120, 200)) == (40, 0, 120, 120)


@pytest.fixture(scope='module')
def network():
    return tiny_network(motion_hint=True)


def bordered(frames: list[np.ndarray]) -> list[np.ndarray]:
    """Put frames of 240x240 into a black image."""
    images = []
    for frame in frames:
        image = np.zeros((*SIZE, 3), np.uint8)
        image[VIEW.slices] = frame
        images.append(image)
    return images


def lit_frames(count: int) -> list[np.ndarray]:
    """Return frames of 240x240 that are lit all over."""
    return [np.maximum(frame, 40) for frame in noise_frames(count, 240, 240)]


PROMPTS = {
    'box': {'box': (30, 40, 150, 170)},
    'points': {'points': [(60, 70), (200, 220)], 'labels': [1, 0]},
    'mask': {'mask': np.pad(np.ones((90, 80), bool), ((50, 100), (60, 100)))},
}


def shifted(prompt: dict, region: Region) -> dict:
    """Move a prompt made on the region to the whole image."""
    if 'mask' in prompt:
        mask = np.zeros(SIZE, bool)
        mask[region.slices] = prompt['mask']
        return {'mask': mask}
    if 'box' in prompt:
        return {'box': np.add(prompt['box'], (region.x, region.y) * 2)}
    return {**prompt, 'points': np.add(prompt['points'], (region.x, region.y))}


@pytest.mark.parametrize('kind', PROMPTS)
@pytest.mark.parametrize('late', [False, True])
def test_a_view_is_tracked_as_if_it_were_the_image(network, monkeypatch, kind, late):
    """The region is what ViewFinder says without its margin, so that the same pixels are seen."""
    monkeypatch.setattr('surgsam2_ros.tracking.view._MARGIN', 0.0)
    frames = lit_frames(6)
    settings = {'replay_frames': 4, 'corrections_condition': True}
    alone = StreamingTracker(network, TrackerConfig(**settings))
    inside = StreamingTracker(network, TrackerConfig(region='auto', **settings))
    for tracker, images, change in (
        (alone, frames, lambda prompt: prompt),
        (inside, bordered(frames), lambda prompt: shifted(prompt, VIEW)),
    ):
        tracker.add_object('a', **change(PROMPTS['box']))
        tracker.results = []
        for number, image in enumerate(images):
            if number == 3:
                frame = {'frame_index': 1} if late else {}
                tracker.add_objects([Prompt('b', **change(PROMPTS[kind]))], **frame)
            tracker.results.append(tracker.track(image))
    for expected, result in zip(alone.results, inside.results, strict=True):
        assert np.array_equal(result.label_image[VIEW.slices], expected.label_image)
        assert np.count_nonzero(result.label_image) == np.count_nonzero(expected.label_image)
        for track, other in zip(result.tracks, expected.tracks, strict=True):
            assert torch.equal(track.logits, other.logits)
            assert track.mask.shape == SIZE
            assert np.array_equal(track.mask[VIEW.slices], other.mask)
            assert track.area == other.area


def test_one_image_is_segmented_within_its_view(network, monkeypatch):
    monkeypatch.setattr('surgsam2_ros.tracking.view._MARGIN', 0.0)
    frame = lit_frames(1)[0]
    alone = StreamingTracker(network).segment(frame, [Prompt('a', **PROMPTS['box'])])
    inside = StreamingTracker(network, TrackerConfig(region='auto')).segment(
        bordered([frame])[0], [Prompt('a', **shifted(PROMPTS['box'], VIEW))]
    )
    assert np.array_equal(inside.label_image[VIEW.slices], alone.label_image)


def test_another_image_does_not_move_the_view_of_the_stream(network):
    frames = bordered(lit_frames(3))
    results = []
    for disturbed in (False, True):
        tracker = StreamingTracker(network, TrackerConfig(region='auto'))
        tracker.add_object('a', **shifted(PROMPTS['box'], VIEW))
        tracker.track(frames[0])
        if disturbed:
            tracker.segment(tissue(), [Prompt('x', box=(5, 5, 90, 90))])
        results.append(tracker.track(frames[1]))
    assert torch.equal(results[0].tracks[0].logits, results[1].tracks[0].logits)


def test_a_widened_view_keeps_objects_and_sizes(network):
    tracker = StreamingTracker(network, TrackerConfig(region='auto'))
    images = bordered(lit_frames(4))
    images[2] = tissue()  # lit all over
    tracker.add_object('a', **shifted(PROMPTS['box'], VIEW))
    for image in images:
        result = tracker.track(tracker.prepare(image))
        assert [track.object_id for track in result.tracks] == ['a']
        assert result.label_image.shape == SIZE


@pytest.mark.parametrize(
    'prompt',
    [
        {'box': (2, 20, 60, 90)},
        {'points': [(10, 100)], 'labels': [1]},
        {'mask': np.pad(np.ones((20, 20), bool), ((10, 210), (360, 20)))},
    ],
)
def test_a_prompt_beside_the_view_is_refused_once_the_view_is_known(network, prompt):
    tracker = StreamingTracker(network, TrackerConfig(region='auto'))
    tracker.track(bordered(lit_frames(1))[0])
    with pytest.raises(PromptError, match=r'beside the lit view.*input.region to full'):
        tracker.add_object('a', **prompt)
    assert tracker.objects == ()
    tracker.add_object('b', points=[(10, 100), (200, 100)], labels=[0, 1])  # the view's edge is off
    assert [item.object_id for item in tracker.objects] == ['b']


def test_a_prompt_is_not_changed_by_what_its_caller_does_later(network):
    frames = lit_frames(2)
    mask = PROMPTS['mask']['mask'].copy()
    results = []
    for spoilt in (False, True):
        tracker = StreamingTracker(network)
        tracker.track(frames[0])
        given = mask.copy()
        tracker.add_object('a', mask=given)
        if spoilt:
            given[:] = False
        results.append(tracker.track(frames[1]).label_image)
    assert np.array_equal(*results)


def test_devices_draw_the_region_alike():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 1, 16, 16, generator=generator) * 4
    decoded = Decoded(logits, torch.full((2,), 0.7), torch.full((2,), 5.0), torch.zeros(2, 4))
    on_host = render_masks(decoded, [1, 2], VIEW, mask_threshold=0.0, presence_threshold=0.5)
    visible = decoded.presence_logits > 0
    on_device = DeviceRendering(decoded, visible, [1, 2], VIEW, 0.0).finish()
    assert on_host.label_image.shape == on_device.label_image.shape == SIZE
    assert (on_host.label_image != on_device.label_image).mean() < 1e-3  # rounding
    assert not on_host.label_image[:, :80].any()
    assert not on_device.label_image[:, 320:].any()
    for mask, other in zip(on_host.masks, on_device.masks, strict=True):
        assert (mask.expand() != other.expand()).mean() < 1e-3


def test_an_unknown_region_is_refused():
    with pytest.raises(ValueError, match="region is 'lit'; it must be auto or full"):
        TrackerConfig(region='lit')
