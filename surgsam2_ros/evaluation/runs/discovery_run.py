# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Takes a video through a tracker that finds instruments by itself: nothing of it is prompted."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from surgsam2_ros.evaluation.records import VideoRecord
from surgsam2_ros.evaluation.runs.found_tracks import FoundTracks, score_found
from surgsam2_ros.evaluation.runs.frame_scores import ObjectResult
from surgsam2_ros.evaluation.runs.label_writer import LabelWriter
from surgsam2_ros.evaluation.runs.settings import RunSettings
from surgsam2_ros.evaluation.runs.video import EvaluationVideo
from surgsam2_ros.evaluation.runs.video_records import record_of
from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.network.instrument_decoding import DecodingRule
from surgsam2_ros.network.instrument_detector import load_detector
from surgsam2_ros.streaming.overseen_tracker import OverseenTracker
from surgsam2_ros.tracking import StreamingTracker
from surgsam2_ros.tracking.detector import Detector


def find_in_video(
    video: EvaluationVideo,
    network: SurgSAM2,
    settings: RunSettings,
    output: Path,
    on_progress: Callable[[int, int], None],
) -> VideoRecord:
    """Track a video from its first frame, pair what was found with the truth, and score it.

    Args:
        video: open.
        network: in evaluation mode.
        settings: tracker and discovery.
        output: folder of the run.
        on_progress: called after every frame with the frames done and all there are.

    Returns:
        The record, which is not written yet.

    Raises:
        SourceError: when the video or its truth cannot be read, or too much was found.
        CheckpointError: when the detector is not there, or is that of another network.
    """
    writer = LabelWriter(output, video.name, video.stems)
    rule = DecodingRule(min_score=settings.discovery.settings.min_score)
    detector = Detector(load_detector(settings.discovery.detector, network), rule)
    problems: Counter[str] = Counter()
    tracker = OverseenTracker(
        StreamingTracker(network, settings.tracker_for(0), detector=detector),
        settings.discovery.settings,
        report=lambda kind, text: problems.update([text]),
    )
    found, inference_ms = FoundTracks(video.size), []
    for frame in range(len(video)):
        rgb = video.image(frame)
        started = time.perf_counter()
        result = tracker.track(rgb)
        inference_ms.append(round((time.perf_counter() - started) * 1e3, 3))
        found.add(
            frame,
            {
                track.object_id: ObjectResult(
                    track.mask, track.score, track.presence, track.state.name
                )
                for track in result.tracks
            },
        )
        on_progress(frame + 1, len(video))
    scored = score_found(video, found, writer)
    return record_of(
        video,
        'tracker',
        scored.scores,
        writer.folder,
        warnings=[f'{text} ({count} times)' for text, count in problems.items()],
        inference_ms=inference_ms,
        **scored.values,
    )
