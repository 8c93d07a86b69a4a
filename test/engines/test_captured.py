# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The step captured whole: one graph, static shapes, no waiting, and the same results."""

from __future__ import annotations

import pytest
import torch
from tiny_network import LEAN, noise_frames, tiny_network
from torch import nn

from surgsam2_ros.benchmarks.measuring import count
from surgsam2_ros.engines.captured import (
    Bucket,
    CapturedEncoder,
    CapturedStepper,
    LateFrames,
    buckets,
)
from surgsam2_ros.tracking import Prompt, StreamingTracker, TrackerConfig
from surgsam2_ros.tracking.engines import EagerEncoder, EagerStepper, Engine
from surgsam2_ros.tracking.memory_plan import gather
from surgsam2_ros.tracking.preprocess import resize_image
from surgsam2_ros.tracking.tracking_step import EncodingStep, TrackingStep

FRAMES = noise_frames(24)
BOXES = [(5, 5, 30, 30), (30, 10, 70, 40), (2, 20, 40, 47)]
# What makes the host wait for a GPU.
WAITS = {'_local_scalar_dense', 'nonzero', 'item', 'is_nonzero', 'masked_select', 'equal'}


def fail(text):
    raise AssertionError(text)


NONE_LATE = LateFrames(fail)
MAPPED = {'backend': 'eager'}  # captures as the others do, and compiles nothing


@pytest.fixture(scope='module')
def network():
    return tiny_network(num_frame_to_prune=2).requires_grad_(False)


def tracker_with(network, objects, engine=None, frames=20, **settings):
    tracker = StreamingTracker(network, TrackerConfig(**settings), engine)
    tracker.add_objects([Prompt(str(n), box=BOXES[n % 3]) for n in range(objects)])
    for rgb in FRAMES[:frames]:
        tracker.track(rgb)
    return tracker


class WholeStep(nn.Module):
    """A frame from its pixels and the memory bank to masks and new memories."""

    def __init__(self, encoding: EncodingStep, tracking: TrackingStep) -> None:
        super().__init__()
        self.encoding, self.tracking = encoding, tracking

    def forward(self, image, memories, pointers, places, pointer_places, *table):
        """Take the image, the bank's memories and pointers, and a `MemoryPlan`."""
        read = gather(memories, places), gather(pointers, pointer_places)
        return self.tracking(*self.encoding(image), *read, *table)


def whole_step(network, tracker, slots):
    """Return the step for so many slots and its inputs at the tracker's next frame."""
    bank = tracker._bank
    memories = [tracked.memory for tracked in tracker._objects.values()]
    size = bank.fixed_size(slots)
    plan, _ = bank.plan(memories, tracker.frame_index, size)
    step = WholeStep(
        EncodingStep(network), TrackingStep(network, survivors=size.survivors, prunes=True)
    )
    image = resize_image(FRAMES[20], network.image_size)
    places = (plan.places, plan.pointer_places)
    # Copies: what was made in inference mode cannot be captured.
    inputs = (image, bank.features, bank.pointers, *places, *plan.table)
    return step.eval(), tuple(x.clone() for x in inputs)


def test_encoding_pruning_attention_decoding_and_remembering_are_one_graph(network):
    tracker = tracker_with(network, 3)
    with torch.no_grad():
        step, inputs = whole_step(network, tracker, 4)
        program = torch.export.export(step, inputs, strict=False)
    calls = [str(node.target) for node in program.graph.nodes if node.op == 'call_function']
    assert any('topk' in call for call in calls)
    assert any('scaled_dot_product' in call for call in calls)
    assert not [call for call in calls if WAITS & set(call.split('.'))]
    values = [node.meta.get('val') for node in program.graph.nodes]
    shapes = [value.shape for value in values if isinstance(value, torch.Tensor)]
    assert all(isinstance(size, int) for shape in shapes for size in shape)
    with torch.no_grad():
        found = program.module()(*inputs)
    expected = tracker.track(FRAMES[20])
    for row, track in enumerate(expected.tracks):
        assert float((found[0][row, 0] - track.logits).abs().max()) < 1e-5


def test_the_graph_of_one_frame_serves_every_other(network):
    """Objects of another age have the same shapes, so that nothing is captured anew."""
    with torch.no_grad():
        _, early = whole_step(network, tracker_with(network, 1, frames=2), 4)
        _, late = whole_step(network, tracker_with(network, 3), 4)
    assert [x.shape for x in early[3:]] == [x.shape for x in late[3:]]


@pytest.mark.parametrize(
    'objects',
    [pytest.param(1, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.long)],
)
def test_captured_it_tracks_the_same_masks(network, objects):
    how = {'backend': 'aot_eager'}  # captures as the others do, and compiles nothing
    engine = Engine(
        CapturedEncoder(network, how, NONE_LATE), CapturedStepper(network, how, NONE_LATE)
    )
    ours, plain = (tracker_with(network, objects, which) for which in (engine, None))
    for rgb in FRAMES[20:]:
        for found, expected in zip(ours.track(rgb).tracks, plain.track(rgb).tracks, strict=True):
            assert (found.mask != expected.mask).mean() < 0.005
            assert abs(found.score - expected.score) < 1e-3


@pytest.mark.long
def test_so_does_a_network_that_takes_hints():
    network = tiny_network(num_frame_to_prune=2, **LEAN).requires_grad_(False)
    how = {'backend': 'eager'}
    engine = Engine(
        CapturedEncoder(network, how, NONE_LATE), CapturedStepper(network, how, NONE_LATE)
    )
    ours, plain = (tracker_with(network, 3, which, frames=6) for which in (engine, None))
    for rgb in FRAMES[6:10]:
        for found, expected in zip(ours.track(rgb).tracks, plain.track(rgb).tracks, strict=True):
            assert (found.mask != expected.mask).mean() < 0.005
            assert abs(found.score - expected.score) < 1e-3


@pytest.mark.long
def test_an_object_with_more_memories_than_slots_is_tracked_too(network):
    how = {'backend': 'eager'}
    engine = Engine(EagerEncoder(network), CapturedStepper(network, how, NONE_LATE))
    settings = {'corrections_condition': True, 'protect_prompted_frames': True}
    ours, plain = (
        tracker_with(network, 1, which, frames=6, **settings) for which in (engine, None)
    )
    for rgb in FRAMES[6:12]:
        for tracker in (ours, plain):
            tracker.add_object('0', points=[(20, 20)], labels=[1])
            tracker.track(rgb)
    for rgb in FRAMES[12:18]:
        found, expected = ours.track(rgb).tracks[0], plain.track(rgb).tracks[0]
        assert (found.mask != expected.mask).mean() < 0.005


def test_eight_objects_cost_hardly_more_operations_than_one(network):
    """On a GPU the launches of operations decide the speed."""
    operations = {}
    for objects in (1, 8):
        tracker = tracker_with(network, objects)
        bank, frame = tracker._bank, tracker.frame_index
        memories = [tracked.memory for tracked in tracker._objects.values()]
        with torch.inference_mode():
            image = resize_image(FRAMES[20], network.image_size)

            def step(bank=bank, frame=frame, memories=memories, image=image):
                features = EagerEncoder(network).encode(image)
                EagerStepper(network).track(features, bank, memories, frame)

            counted = count(step)
        operations[objects] = counted.operations
        assert counted.waits == 0
    assert operations[8] <= 1.1 * operations[1]


def test_there_is_a_capture_for_every_number_of_objects_and_prompted_frames():
    made = buckets(max_objects=5, max_prompted=3)
    assert {bucket.slots for bucket in made} == {1, 2, 4, 5}
    assert {bucket.prompted for bucket in made} == {1, 2, 3}
    assert all(Bucket(n, p, True) in made for n in (1, 2, 4, 5) for p in (1, 2, 3))
    assert {bucket for bucket in made if not bucket.masked} == {
        Bucket(n, 1, False) for n in (1, 2, 4, 5)
    }
    assert made[0].slots == 5, 'the largest first'


@pytest.mark.long
def test_warm_it_compiles_nothing_more_whatever_frames_come(network):
    """Every number of objects, rings that fill and full ones."""
    done = []
    engine = Engine(EagerEncoder(network), CapturedStepper(network, MAPPED, NONE_LATE))
    config = TrackerConfig(max_objects=2, max_prompted_frames=1)
    tracker, plain = (StreamingTracker(network, config, which) for which in (engine, None))
    tracker.warm_up(done.append)
    assert len(done) == 4, 'of 1 and 2 objects, with a mask and without'
    assert done[0] == 'captured 1 of 4: 2 objects, 1 prompted frames, rings that fill'
    with torch.compiler.set_stance('fail_on_recompile'):
        for index, rgb in enumerate(FRAMES):
            for one in (tracker, plain):
                if index in (0, 3):
                    one.add_object(str(index), box=BOXES[index % 3])
            found, expected = tracker.track(rgb), plain.track(rgb)
            for ours, theirs in zip(found.tracks, expected.tracks, strict=True):
                assert (ours.mask != theirs.mask).mean() < 0.005


def test_a_frame_that_no_capture_fits_is_told_once_counted_and_tracked(network):
    said = []
    late = LateFrames(said.append)
    stepper = CapturedStepper(network, MAPPED, late)
    tracker = StreamingTracker(
        network, TrackerConfig(max_objects=1), Engine(EagerEncoder(network), stepper)
    )
    stepper._warm = True  # and nothing was captured
    tracker.add_object('a', box=BOXES[0])
    for rgb in FRAMES[:4]:
        assert len(tracker.track(rgb).tracks) == 1
    assert late.number == 3, 'the first frame has a prompt'
    assert said == [
        'no capture fits 1 objects with up to 1 prompted frames, plain PyTorch takes such frames'
    ]


def test_inputs_of_another_kind_are_late_for_a_warm_capture(network):
    late = LateFrames(lambda _: None)
    encoder = CapturedEncoder(network, MAPPED, late)
    image = resize_image(FRAMES[0], network.image_size)
    with torch.inference_mode():
        encoder.warm_up(image)
        encoder.encode(image)
        assert late.number == 0
        found = encoder.encode(image.float())
        expected = EagerEncoder(network).encode(image)
    assert late.number == 1
    assert torch.equal(found.stride16, expected.stride16)


def test_a_full_ring_of_every_row_needs_no_mask(network):
    early, late = (tracker_with(network, 3, frames=frames) for frames in (5, 20))
    masked = []
    for tracker in (early, late):
        memories = [tracked.memory for tracked in tracker._objects.values()]
        size = tracker._bank.fixed_size(4)
        with torch.inference_mode():
            plan, _ = tracker._bank.plan(memories, tracker.frame_index, size)
        assert plan.places.shape == (4, size.memories)
        masked.append(plan.masked)
    assert masked == [True, False]
