# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What masks at image size cost on a CPU, within their boxes and as whole images."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import torch

from surgsam2_ros.benchmarks.measuring import interleave, ratio
from surgsam2_ros.network import Decoded
from surgsam2_ros.tracking.rendering import DeviceRendering, render_boxes
from surgsam2_ros.tracking.view import Region

COVERED = 0.075
"""Share of the image that each object covers."""
_PRESENT = 5.0


def slanted_bars(objects: int, side: int, image_size: tuple[int, int]) -> Decoded:
    """Return what a network might say about instruments that lie across an image.

    Args:
        objects: their number; each covers about COVERED of the image.
        side: S/4, of the mask logits.
        image_size: (H, W).
    """
    height, width = image_size
    length = 0.75 * min(image_size)
    rng = np.random.default_rng(0)
    stack = []
    for number in range(objects):
        angle = 0.9 + number / objects
        along = 0.5 * length * np.array([np.cos(angle), np.sin(angle)])
        centre = np.array([width * (0.35 + 0.3 * number / objects), 0.5 * height])
        begin, end = ((centre + sign * along).astype(int).tolist() for sign in (-1, 1))
        bar = np.zeros(image_size, np.float32)
        cv2.line(bar, begin, end, 1.0, round(COVERED * height * width / length))
        bar = cv2.resize(bar, (side, side), interpolation=cv2.INTER_AREA)
        stack.append(20 * (bar - 0.5) + rng.normal(0, 0.3, bar.shape))
    logits = torch.from_numpy(np.stack(stack).astype(np.float32))[:, None]
    return Decoded(
        logits,
        iou=torch.full((objects,), 0.9),
        presence_logits=torch.full((objects,), _PRESENT),
        pointer=torch.zeros(objects, 0),
    )


@torch.inference_mode()
def rendering_cost(
    objects: int, side: int, image_size: tuple[int, int], rounds: int
) -> dict[str, Any]:
    """Render the same logits both ways, in turns.

    Returns:
        objects, image, covered (share of the image in a mask), least and median wall time and
        median CPU time of each way [ms], how many times as much CPU time whole images take, and
        the number of pixels in which masks or label images differ.
    """
    decoded = slanted_bars(objects, side, image_size)
    whole = Region.whole(image_size)
    given = (decoded, decoded.presence_logits > 0, range(1, objects + 1), whole, 0.0)
    ways = {
        'boxes': lambda: render_boxes(*given),
        'images': lambda: DeviceRendering(*given).finish(),
    }
    boxes, images = (way() for way in ways.values())
    differing = np.count_nonzero(boxes.label_image != images.label_image) + sum(
        np.count_nonzero(a.expand() != b.expand())
        for a, b in zip(boxes.masks, images.masks, strict=True)
    )
    areas = [mask.area for mask in boxes.masks]
    timings = interleave(ways, rounds)
    row = {
        'image': f'{image_size[1]}x{image_size[0]}',
        'objects': objects,
        'covered': round(statistics.fmean(areas) / boxes.label_image.size, 4),
    }
    for name, timing in timings.items():
        row[f'{name}_least_ms'] = round(min(timing.wall_ms), 2)
        row[f'{name}_ms'] = round(statistics.median(timing.wall_ms), 2)
        row[f'{name}_cpu_ms'] = round(statistics.median(timing.cpu_ms), 2)
    row['ratio'] = round(ratio(timings['images'].cpu_ms, timings['boxes'].cpu_ms), 2)
    row['differing_pixels'] = int(differing)
    return row


def markdown_table(report: Mapping[str, Any]) -> str:
    """Return a table of the rows in Markdown.

    Args:
        report: what `docs/tools/rendering_cost.py` writes.
    """
    lines = [
        '| image | objects | boxes: least ms, median CPU ms | whole images | times as long |',
        '|---|---|---|---|---|',
    ]
    lines += [
        f'| {row["image"]} | {row["objects"]} '
        f'| {row["boxes_least_ms"]:.1f}, {row["boxes_cpu_ms"]:.1f} '
        f'| {row["images_least_ms"]:.1f}, {row["images_cpu_ms"]:.1f} | {row["ratio"]:.1f} |'
        for row in report['rows']
    ]
    return '\n'.join(lines)
