# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tracks the frames of a file as fast as they can be read, and writes masks and a video.

Files wait for nobody: one thread reads and encodes images, one tracks, and the caller's draws and
writes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import numpy as np
import torch

from surgsam2_ros.drawing import draw_overlay, label_palette
from surgsam2_ros.sources import FilePrompt, FrameSource, write_label_png
from surgsam2_ros.sources.video_output import VideoOutput
from surgsam2_ros.tracking import Prompt, StreamingTracker, look_ahead

_FOLDER_RATE_HZ = 15.0  # of a video made of images that know no time


def track_source(
    source: FrameSource,
    prompts: Sequence[FilePrompt],
    tracker: StreamingTracker,
    output: Path,
    *,
    overlay: str | Path | None = None,
    on_frame: Callable[[int], None] = lambda done: None,
) -> float:
    """Track all frames and write a label image of each, named like the frame.

    Args:
        source: of frames.
        prompts: for the first frame; their labels are the values in the label images.
        tracker: without objects.
        output: folder of the label images, created when missing.
        overlay: file of a video of the results; None: none.
        on_frame: called with the number of frames done.

    Returns:
        Seconds from the first read to the last write.

    Raises:
        SourceError: when a frame cannot be read.
        VideoOutputError: when the video cannot be written.
    """
    output.mkdir(parents=True, exist_ok=True)
    tracker.add_objects(
        [
            Prompt(
                p.object_id,
                points=p.points,
                labels=p.labels,
                box=p.box,
                mask=p.mask,
                class_name=p.class_name,
            )
            for p in prompts
        ]
    )
    values = _output_values(tracker, prompts)
    palette = label_palette()
    started = time.perf_counter()
    with ExitStack() as stack:
        rate_hz = source.rate_hz or _FOLDER_RATE_HZ
        video = stack.enter_context(VideoOutput(overlay, rate_hz)) if overlay else None
        prepared = ((frame, tracker.prepare(frame.rgb)) for frame in source)
        prepared = stack.enter_context(closing(look_ahead(prepared)))
        tracked = ((frame, tracker.advance(ready)) for frame, ready in prepared)
        tracked = stack.enter_context(closing(look_ahead(tracked)))
        for frame, outcome in tracked:
            result = outcome.render()
            name = output / f'{source.stem(frame.index)}.png'
            write_label_png(name, values[result.label_image], palette)
            if video is not None:
                video.write(draw_overlay(frame.rgb, result.tracks))
            on_frame(frame.index + 1)
    return time.perf_counter() - started


@contextmanager
def shared_cores() -> Iterator[None]:
    """Leave to each of the two threads that run the network half of the cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads // 2))
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _output_values(tracker: StreamingTracker, prompts: Sequence[FilePrompt]) -> np.ndarray:
    """Table uint8 [256] from the tracker's instances to the values that the prompts used."""
    labels = {prompt.object_id: prompt.label for prompt in prompts}
    values = np.zeros(256, np.uint8)
    for known in tracker.objects:
        values[known.instance] = labels[known.object_id]
    return values
