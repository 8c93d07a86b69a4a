# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The masks of the device beside those of a CPU in float32 and of the official predictor.

Beside our CPU every frame is judged by itself, from the memories that the CPU had before it: else
rounding errors would grow from frame to frame and hide mistakes. Deliberate mistakes have to be
found by the same bounds. Beside the official code each follows its own memories.
"""

from __future__ import annotations

import contextlib
import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from surgsam2_ros.benchmarks.cases import SURGSAM2_PRUNES, moving_boxes
from surgsam2_ros.benchmarks.contenders import CONTENDERS, Box, Contender, ContenderError, Ours
from surgsam2_ros.benchmarks.gpu_check.settings import CPU, CheckSettings
from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.tracking import FrameResult, StreamingTracker, TrackerConfig
from surgsam2_ros.tracking.snapshot import TrackerSnapshot, restore_snapshot, take_snapshot

BOUNDS = {'fp32': 1e-3, 'bf16': 0.05}
"""By precision: largest `distance`. On a CPU bf16 is 0.01 to 0.02 away, mistakes 0.3 and more."""
NEARLY = 1.5
"""In bf16 ours may be so many times as far from float32 as the official code; chance has a part."""
OBJECTS = 2
POINTERS = 16
"""In shorter clips the official code scales the times of object pointers otherwise."""
Rows = Iterator[dict[str, Any]]


def _ages_reversed(network: SurgSAM2) -> None:
    network.maskmem_tpos_enc.copy_(network.maskmem_tpos_enc.flip(0))


def _pointer_times_turned(network: SurgSAM2) -> None:
    network.obj_ptr_tpos_proj.weight.neg_()


def _memory_unread(network: SurgSAM2) -> None:
    for parameter in network.memory_attention.layers[0].cross_attn_image.out_proj.parameters():
        parameter.zero_()


MUTATIONS: Mapping[str, Callable[[SurgSAM2], None]] = {
    'ages of memories reversed': _ages_reversed,
    'times of object pointers turned': _pointer_times_turned,
    'memory not read in the first layer': _memory_unread,
}


def parity(settings: CheckSettings) -> Rows:
    """Compare the device with a CPU and with the official predictor, in both precisions."""
    with exact_float32():
        yield from _beside_our_cpu(settings)
        yield from _beside_the_official_code(settings)


def _beside_our_cpu(settings: CheckSettings) -> Rows:
    """Track on the CPU; from its memories each frame on the device, and with each mistake."""
    device = settings.torch_device
    clip, boxes = moving_boxes(settings.scale.parity_frames, OBJECTS)
    truth, snapshots = _truth(settings.network(CPU), clip, boxes)

    def from_same_memories(network: SurgSAM2) -> list[torch.Tensor]:
        tracker, found = StreamingTracker(network), []
        for rgb, snapshot in zip(clip[1:], snapshots, strict=False):
            restore_snapshot(tracker, snapshot)
            found.append(_logits(tracker.track(rgb)))
        return found

    for precision, bound in BOUNDS.items():
        found = from_same_memories(settings.network(device, precision))
        yield _row(f'{precision} beside our CPU in fp32', found, truth[1:], bound)
        for name, mutate in MUTATIONS.items():
            found = from_same_memories(settings.network(device, precision, mutate=mutate))
            yield _row(f'{name}, {precision}: found', found, truth[1:], bound, mistaken=True)
        found = from_same_memories(settings.network(device, precision, SURGSAM2_PRUNES + 2))
        yield _row(
            f'two memories fewer, {precision}: found', found, truth[1:], bound, mistaken=True
        )


def _truth(
    network: SurgSAM2, clip: np.ndarray, boxes: Sequence[Box]
) -> tuple[list[torch.Tensor], list[TrackerSnapshot]]:
    """Track a clip; return the logits of each frame, and what the tracker knew after it."""
    tracker, logits, snapshots = StreamingTracker(network), [], []
    for number, box in enumerate(boxes):
        tracker.add_object(str(number), box=box)
    for rgb in clip:
        logits.append(_logits(tracker.track(rgb)))
        snapshots.append(take_snapshot(tracker))
    return logits, snapshots


def _beside_the_official_code(settings: CheckSettings) -> Rows:
    """Track a clip with both on the device; in bf16 both beside float32."""
    device, frames = settings.torch_device, settings.scale.parity_frames
    clip, boxes = moving_boxes(max(frames, POINTERS), OBJECTS)
    for name, prune in (('sam2', 0), ('surgsam2', SURGSAM2_PRUNES)):
        ours, official = {}, {}
        for precision in BOUNDS:
            network = settings.network(device, precision, prune)
            try:
                official[precision] = logits_of(CONTENDERS[name](network, clip, boxes), frames)
            except ContenderError as error:
                yield {'what': f'beside {name}', 'passed': None, 'not_run': str(error)}
                return
            ours[precision] = logits_of(Ours(network, clip, boxes, TrackerConfig()), frames)
        what = f'ours beside {name} of the official code, both in fp32'
        yield _row(what, ours['fp32'], official['fp32'], BOUNDS['fp32'])
        bound = max(NEARLY * distance(official['bf16'], official['fp32']), BOUNDS['bf16'])
        what = f'ours in bf16 no further from fp32 than {name} in bf16'
        yield _row(what, ours['bf16'], ours['fp32'], bound)


def _logits(result: FrameResult) -> torch.Tensor:
    return torch.stack([track.logits for track in result.tracks]).float().cpu()


def logits_of(contender: Contender, frames: int) -> list[torch.Tensor]:
    """Return the mask logits of every frame, float32 [N, S/4, S/4] on the CPU each."""
    found = []
    for _ in range(frames):
        contender.step()
        found.append(contender.logits())
    return found


def distances(found: Sequence[torch.Tensor], truth: Sequence[torch.Tensor]) -> list[float]:
    """Mean distance of the logits of each frame, in parts of the truth's mean size.

    Infinite where something is no number, which no comparison would refuse.
    """
    shares = [
        ((a - b).abs().mean() / b.abs().mean()).item() for a, b in zip(found, truth, strict=True)
    ]
    return [share if math.isfinite(share) else math.inf for share in shares]


def distance(found: Sequence[torch.Tensor], truth: Sequence[torch.Tensor]) -> float:
    """Median of `distances`.

    Not their largest: where two memories are nearly alike, or two masks nearly as good, rounding
    decides which is taken, and a frame with other memories is no mistake.
    """
    return statistics.median(distances(found, truth))


def _row(
    what: str,
    found: Sequence[torch.Tensor],
    truth: Sequence[torch.Tensor],
    bound: float,
    *,
    mistaken: bool = False,
) -> dict[str, Any]:
    apart = distance(found, truth)
    return {
        'what': what,
        'passed': apart > bound if mistaken else apart <= bound,
        'distance': apart,
        'bound': bound,
        'worst_frame': max(distances(found, truth)),
    }


@contextlib.contextmanager
def exact_float32() -> Iterator[None]:
    """Keep float32 products in float32 meanwhile: a GPU may else round their factors to TF32."""
    backends = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [backend.allow_tf32 for backend in backends]
    for backend in backends:
        backend.allow_tf32 = False
    try:
        yield
    finally:
        for backend, allowed in zip(backends, before, strict=True):
            backend.allow_tf32 = allowed
