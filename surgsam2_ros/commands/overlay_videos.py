# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes the overlay videos of an evaluation."""

from __future__ import annotations

from pathlib import Path

from surgsam2_ros.commands.video_output import VideoOutput
from surgsam2_ros.evaluation.records import THROUGH, read_run, read_videos


def write_overlay_videos(output: Path) -> list[Path]:
    """Write DIR/overlay/<video>.mp4, those of the node as <video>_node.mp4.

    Args:
        output: folder of a run; its images must still be where the run found them.

    Returns:
        the files.

    Raises:
        SourceError: when images are missing.
        CommandError: when a file cannot be written.
    """
    from surgsam2_ros.evaluation.reports.overlay import frame_rate, overlay_frames

    run = read_run(output)
    paths = []
    for through in THROUGH:
        for record in read_videos(output, through):
            if record.error is not None:
                continue
            suffix = '_node' if through == 'node' else ''
            path = output / 'overlay' / f'{record.video}{suffix}.mp4'
            with VideoOutput(path, frame_rate(record)) as video:
                for rgb in overlay_frames(output, run, record):
                    video.write(rgb)
            paths.append(path)
    return paths
