# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The whole tracker on a second GPU that is not there, with values from the CPU's kernels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pretend_gpu import pretend_gpu
from tiny_network import LEAN, noise_frames, tiny_network

from surgsam2_ros.tracking import Prompt, StreamingTracker, TrackerConfig

FRAMES = noise_frames(9)
BOXES = [(5, 5, 30, 30), (30, 10, 70, 40)]
KINDS = {'official': {}, 'lean': LEAN}


@pytest.fixture(name='gpu')
def _gpu():
    with pretend_gpu('cuda:1') as gpu:
        yield gpu


def tracker_of(network, objects=2, **settings):
    tracker = StreamingTracker(network, TrackerConfig(**settings))
    tracker.add_objects([Prompt(str(n), box=BOXES[n % 2]) for n in range(objects)])
    return tracker


def test_the_pretended_gpu_refuses_what_a_real_one_would(gpu):
    here, there = torch.ones(3), torch.ones(3).to('cuda:1')
    with pytest.raises(RuntimeError, match='on the same device'):
        here + there
    with pytest.raises(RuntimeError, match='on the same device'):
        there + torch.ones(3, device='cuda')
    with pytest.raises(TypeError, match='numpy'):
        there.numpy()


def test_the_pretended_gpu_notes_what_makes_the_host_wait(gpu):
    x = torch.arange(3.0, device='cuda:1')
    for wait, times in (
        (lambda: x.tolist(), 1),
        (lambda: x[0].item(), 1),
        (lambda: x[x > 1], 1),
        (lambda: x.nonzero(), 1),
        (lambda: bool((x > 0).any()), 1),
        (lambda: x.cpu(), 1),
        (lambda: torch.ones(1).to('cuda:1'), 1),
        (lambda: torch.ones(1).to('cuda:1', non_blocking=True), 0),
        (lambda: x + 1.0, 0),
    ):
        gpu.traffic.clear()
        wait()
        assert len(gpu.traffic.waits) == times


@pytest.mark.parametrize(('kind', 'memory_tokens'), [('official', None), ('lean', 4)])
def test_every_tensor_is_on_the_gpu_of_the_network(gpu, kind, memory_tokens):
    network = gpu.move(tiny_network(num_frame_to_prune=2, **KINDS[kind]))
    tracker = tracker_of(network, memory_tokens=memory_tokens, replay_frames=2)
    for index, rgb in enumerate(FRAMES[:5]):
        if index == 2:
            tracker.add_object('0', points=[(20, 20)], labels=[1])
            tracker.add_object('mask', mask=np.arange(48 * 80).reshape(48, 80) % 80 < 40)
        if index == 4:
            late = Prompt('1', points=[(50, 20)], labels=[1])
            tracker.add_objects([late], frame_index=3)
        tracker.track(rgb)
    assert gpu.traffic.devices == {torch.device('cuda:1')}


@pytest.mark.parametrize('kind', KINDS)
def test_the_masks_are_those_of_a_cpu(kind):
    changes = {'num_frame_to_prune': 2, **KINDS[kind]}
    plain = tracker_of(tiny_network(**changes))
    expected = [plain.track(rgb) for rgb in FRAMES]
    with pretend_gpu() as gpu:
        tracker = tracker_of(gpu.move(tiny_network(**changes)))
        found = [tracker.track(rgb) for rgb in FRAMES]
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours.label_image != theirs.label_image).mean() < 2e-3
        for track, wanted in zip(ours.tracks, theirs.tracks, strict=True):
            assert track.score == pytest.approx(wanted.score, abs=1e-4)
            assert track.state == wanted.state


GATED = {'write_memory_when_absent': False, 'min_memory_score': 0.1}


@pytest.mark.parametrize(
    ('kind', 'settings', 'uploads'),
    [
        ('official', {}, ['pixels', 'table']),
        ('official', GATED, ['pixels', 'table']),
        ('lean', {'memory_tokens': 4}, ['pixels', 'flow', 'table']),
    ],
)
def test_a_frame_waits_once_and_copies_no_more_than_it_must(gpu, kind, settings, uploads):
    network = gpu.move(tiny_network(num_frame_to_prune=2, **KINDS[kind]))
    tracker = tracker_of(network, **settings)
    for rgb in FRAMES[:3]:
        gpu.traffic.clear()
        result = tracker.track(rgb)
    traffic, side = gpu.traffic, network.image_size
    assert traffic.waits == ['event']
    assert all(copy.pinned and not copy.waits for copy in traffic.uploads + traffic.downloads)
    sizes = {'pixels': 3 * side**2, 'flow': 4 * 2 * (side // 4) ** 2}
    assert len(traffic.uploads) == len(uploads)
    for what in ('pixels', 'flow'):
        assert [copy.bytes for copy in traffic.uploads].count(sizes[what]) == uploads.count(what)
    (download,) = traffic.downloads
    label_bytes, mask_bytes = result.label_image.size, 48 * 80 / 8
    assert download.bytes == 2 * 4 * 4 + label_bytes + 2 * mask_bytes


def test_a_result_owns_its_memory(gpu):
    """What was pinned for the copy is used again for later frames."""
    result = tracker_of(gpu.move(tiny_network())).track(FRAMES[0])
    assert result.label_image.flags.owndata
    result.label_image.fill(0)
    assert result.tracks[0].mask.any()
