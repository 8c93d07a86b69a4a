# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Takes a video through the real node, over DDS and at the pace of a camera, and scores it.

What of `surgsam2 evaluate --through node` drives the node: nothing waits for it, so that images are
dropped and results are late as they would be in the theatre.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surgsam2_ros.evaluation.runs.attempts import attempt, predictions_folder
from surgsam2_ros.evaluation.runs.jobs import Tally
from surgsam2_ros.live import LiveError
from surgsam2_ros.live.node_settings import live_parameters, tracker_parameters
from surgsam2_ros.live.operator import Operator
from surgsam2_ros.live.video_stream import VideoStream, open_stream

if TYPE_CHECKING:
    from surgsam2_ros.evaluation.metrics.process_usage import ProcessUsage
    from surgsam2_ros.evaluation.records import VideoRecord
    from surgsam2_ros.evaluation.runs.frame_scores import FrameScores, ObjectResult
    from surgsam2_ros.evaluation.runs.jobs import Standing
    from surgsam2_ros.evaluation.runs.label_writer import LabelWriter
    from surgsam2_ros.evaluation.runs.settings import NetworkChoice, RunSettings
    from surgsam2_ros.evaluation.runs.video import EvaluationVideo
    from surgsam2_ros.nodes.replay.bag_replay import ReplayLog

_RESULTS = 'results.mcap'
_replays = itertools.count(1)


def check_node_settings(choice: NetworkChoice, settings: RunSettings) -> None:
    """Refuse at the start what the node cannot do.

    Raises:
        LiveError: naming the setting and the remedy.
    """
    if not settings.jointly:
        raise LiveError(
            'the node tracks all objects of a video together; leave out --one-at-a-time, or '
            'evaluate with --through tracker'
        )
    try:
        tracker_parameters(choice, settings, objects=1)
    except ValueError as error:
        raise LiveError(str(error)) from error


def run_videos_through_node(
    videos: Sequence[EvaluationVideo],
    choice: NetworkChoice,
    settings: RunSettings,
    output: Path,
    *,
    rate_hz: float | None = None,
    on_standing: Callable[[Standing], None] = lambda standing: None,
) -> None:
    """Replay videos one after the other, since a second node would take time from the first.

    Records and label images go to where a run has them; one of a video that failed says why.

    Args:
        videos, choice, settings, output, rate_hz: see `run_video_through_node`.
        on_standing: called now and then with where the run stands.
    """
    tally = Tally(len(videos))
    for index, video in enumerate(videos):
        replay = functools.partial(
            run_video_through_node,
            video,
            choice,
            settings,
            output,
            labels=predictions_folder(output, 'node'),
            rate_hz=rate_hz,
            on_progress=tally.counter(index, on_standing),
        )
        tally.finish(index, attempt(video, 'node', output, replay))
        on_standing(tally.standing())


def run_video_through_node(
    video: EvaluationVideo,
    choice: NetworkChoice,
    settings: RunSettings,
    output: Path,
    *,
    labels: Path | None = None,
    rate_hz: float | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> VideoRecord:
    """Replay a video to a node in a process of its own, score what it publishes, write its masks.

    The node takes the newest image, as it does with a camera; an image without a result is
    dropped. Prompts carry the header of the image that they belong to and are sent just before it;
    corrections follow the results as they come, and condition the image that they were made on.

    Args:
        video: is opened, and closed at the end.
        choice: the network that the node loads.
        settings: prompts and tracker.
        output: folder of the run; the node's log stays in records/node/<video>/.
        labels: folder for the label images; output by default.
        rate_hz: images per second; by default those of the bag, and 15 of a folder.
        on_progress: called now and then with the images published and all there are.

    Returns:
        The record, which is not written yet.

    Raises:
        SourceError: when the video or its truth cannot be read.
        LiveError: when the node fails; tells the end of its log.
    """
    check_node_settings(choice, settings)
    if rate_hz is not None and not rate_hz > 0:
        raise LiveError(f'--rate {rate_hz} is impossible; give images per second')
    folder = output / 'records' / 'node' / video.name
    with contextlib.ExitStack() as stack:
        stack.enter_context(video)
        run = _NodeRun(video, open_stream(video, stack), choice, settings, folder)
        stack.callback((folder / _RESULTS).unlink, missing_ok=True)
        run.replay(rate_hz, on_progress)
        return run.score(labels or output)


class _NodeRun:
    """One video on its way through a node."""

    def __init__(
        self,
        video: EvaluationVideo,
        stream: VideoStream,
        choice: NetworkChoice,
        settings: RunSettings,
        folder: Path,
    ) -> None:
        from surgsam2_ros.evaluation.runs.frame_scores import FrameScores
        from surgsam2_ros.evaluation.runs.prompting import first_prompts

        self.video, self.stream, self.folder = video, stream, folder
        self.choice, self.settings = choice, settings
        finds = settings.discovery is not None
        self.prompts = {} if finds else first_prompts(video, settings.prompts)
        names = {object_id: video.names.get(object_id, '') for object_id in self.prompts}
        self.scores = FrameScores(names, len(video))
        self.stamps = tuple(stream.headers)
        self.operator = Operator(video, self.prompts, settings.prompts, stream.headers)
        self.log: ReplayLog
        self.usage: ProcessUsage

    def replay(self, rate_hz: float | None, on_progress: Callable[[int, int], None]) -> None:
        """Replay the video once and keep the tracks in the folder."""
        from surgsam2_ros.evaluation.metrics.process_usage import UsageSampler, used_device_bytes
        from surgsam2_ros.live.node_process import replaying_node
        from surgsam2_ros.live.ros_environment import use_large_image_profile, use_own_domain
        from surgsam2_ros.nodes.replay.bag_replay import Replay
        from surgsam2_ros.sources import BagWriter

        use_own_domain()
        use_large_image_profile()
        self.folder.mkdir(parents=True, exist_ok=True)
        # Other evaluations may share the domain: a namespace keeps them apart.
        self.namespace = f'/evaluation_{os.getpid()}_{next(_replays)}'
        compressed = self.stream.compressed
        parameters = live_parameters(
            self.choice,
            self.settings,
            self.folder,
            objects=len(self.prompts),
            compressed=compressed,
        )
        on_device = self.choice.device.startswith('cuda')
        device_before = used_device_bytes() if on_device else None
        with (
            replaying_node(self.folder, parameters, {'__ns': self.namespace}) as node,
            BagWriter(self.folder / _RESULTS, overwrite=True) as writer,
        ):
            sampler = UsageSampler(node.pid, on_device=on_device, device_before=device_before)
            replay = Replay(
                self.stream.source,
                self.stream.topic,
                writer,
                target=f'{self.namespace}/surgsam2',
                publish_as=f'{self.namespace}/image{"/compressed" if compressed else ""}',
                tracks_only=True,
                on_tracks=self.operator.look_at,
                check_node=node.check,
            )
            self.log = replay.run(
                self.operator.first_prompts(),
                speed=1.0 if rate_hz is None else rate_hz / self.stream.rate_hz,
                follow_ups=self.operator.follow_ups,
                on_refusal=self.operator.take_refusal,
                on_progress=lambda log: on_progress(len(log.published), len(self.stamps)),
                on_state=lambda state: sampler.start() if state == 'replaying' else None,
            )
            self.usage = sampler.stop()

    def score(self, labels: Path) -> VideoRecord:
        """Score every frame, write its masks, and return the record."""
        from surgsam2_ros.evaluation.runs.label_writer import LabelWriter

        writer = LabelWriter(labels, self.video.name, self.video.stems)
        if self.settings.discovery is not None:
            return self._score_found(writer)
        for frame, object_id in self.operator.prompted():
            self.scores.note_prompt(frame, object_id)
        inference_ms: list[float | None] = []
        for frame, message in self._messages():
            results = {
                int(name): result
                for name, result in self._results(message).items()
                if int(name) in self.prompts
            }
            self.scores.add(frame, self.video.truth(frame), results)
            writer.write(frame, {key: result.mask for key, result in results.items()})
            inference_ms.append(_inference_ms(message))
        return self._record(writer.folder, inference_ms, self.scores)

    def _score_found(self, writer: LabelWriter) -> VideoRecord:
        """Score what was found, once it is known which object each track is."""
        from surgsam2_ros.evaluation.runs.found_tracks import FoundTracks, score_found

        found, inference_ms = FoundTracks(self.video.size), []
        for frame, message in self._messages():
            if message is not None:
                found.add(frame, self._results(message))
            inference_ms.append(_inference_ms(message))
        scored = score_found(self.video, found, writer)
        return self._record(writer.folder, inference_ms, scored.scores, **scored.values)

    def _messages(self) -> Iterator[tuple[int, Any]]:
        """Yield every frame with its TrackArray, None where it was dropped."""
        from surgsam2_ros.live.recorded_tracks import Aligned, read_tracks
        from surgsam2_ros.sources import BagReader

        with BagReader(self.folder / _RESULTS) as reader:
            tracks = Aligned(read_tracks(reader, f'{self.namespace}/surgsam2/tracks'))
            for frame, stamp_ns in enumerate(self.stamps):
                yield frame, tracks.at(stamp_ns)

    def _results(self, message: Any) -> dict[str, ObjectResult]:
        """Return the results of a TrackArray by the names of its tracks; none of None."""
        from surgsam2_ros.drawing import STATE_NAMES
        from surgsam2_ros.evaluation.runs.frame_scores import ObjectResult
        from surgsam2_ros.live.recorded_tracks import mask_of_track

        return {
            track.object_id: ObjectResult(
                mask_of_track(track, self.video.size),
                float(track.score),
                float(track.presence),
                STATE_NAMES[track.state],
            )
            for track in ([] if message is None else message.tracks)
        }

    def _record(
        self,
        predictions: Path,
        inference_ms: list[float | None],
        scores: FrameScores,
        **values: Any,
    ) -> VideoRecord:
        from surgsam2_ros.evaluation.metrics.live import live_scores
        from surgsam2_ros.evaluation.runs.video_records import record_of

        published, arrived = _times(self.log, self.stream.headers)
        latencies = [
            None if arrival is None else round((arrival - published_ns) / 1e6, 3)
            for published_ns, arrival in zip(published, arrived, strict=True)
        ]
        dropped = [frame for frame, arrival in enumerate(arrived) if arrival is None]
        return record_of(
            self.video,
            'node',
            scores,
            predictions,
            warnings=[*self.operator.warnings, *self._moved_prompts(dropped)],
            dropped=dropped,
            latency_ms=latencies,
            inference_ms=inference_ms,
            live=live_scores(published, arrived, usage=self.usage),
            **values,
        )

    def _moved_prompts(self, dropped: list[int]) -> list[str]:
        """Say which prompts belong to an image that was dropped."""
        return [
            f'frame {frame}, in which object {object_id} was prompted, was dropped; the node takes '
            'the prompt to the nearest frame that it tracked'
            for frame, object_id in self.operator.prompted()
            if frame in dropped
        ]


def _inference_ms(message: Any) -> float | None:
    return None if message is None else round(float(message.inference_ms), 3)


def _times(log: ReplayLog, headers: Mapping[int, str]) -> tuple[list[int], list[int | None]]:
    """Return when each image was published and when its result arrived [ns]; None: never."""
    arrivals = dict(reversed(log.results))  # the first result of an image counts
    return [log.published[h] for h in headers.items()], [arrivals.get(h) for h in headers.items()]
