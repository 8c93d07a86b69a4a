# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Correction clicks during a replay, made on the node's results as they come."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from surgsam2_ros.evaluation.runs.prompting import PromptSettings, TruthPrompt
    from surgsam2_ros.evaluation.runs.video import EvaluationVideo
    from surgsam2_ros.nodes.replay import ScheduledPrompts

_TRACKS_TYPE = 'surgsam2_msgs/msg/TrackArray'


class Corrections:
    """Corrects objects like a person who watches: by a click on the result that was looked at.

    An object is corrected in the first result that comes `correct_every` or more frames after its
    prompt or its last correction; where no image is dropped, those are the frames in which a run
    through the tracker corrects it.

    Args:
        video: supplies the truth.
        prompts: the first prompts by object id.
        settings: how often to correct.
        headers: stamp [ns] -> frame_id of each image, in order.

    Attributes:
        made: (frame, object id) of the corrections that were sent.
    """

    def __init__(
        self,
        video: EvaluationVideo,
        prompts: Mapping[int, TruthPrompt],
        settings: PromptSettings,
        headers: Mapping[int, str],
    ) -> None:
        from surgsam2_ros.sources.message_types import create_typestore, ensure_type

        self.made: list[tuple[int, int]] = []
        self._video = video
        self._every, self._below = settings.correct_every, settings.correct_below
        self._next = {key: prompt.frame + self._every for key, prompt in prompts.items()}
        self._headers = headers
        self._frames = {stamp_ns: frame for frame, stamp_ns in enumerate(headers)}
        self._lock = threading.Lock()
        self._unseen: deque[bytes] = deque()
        self._typestore = create_typestore()
        ensure_type(self._typestore, _TRACKS_TYPE)

    def look_at(self, data: bytes) -> None:
        """Take note of a serialised TrackArray; cheap, for the thread that receives it."""
        if self._every:
            with self._lock:
                self._unseen.append(data)

    def due(self) -> list[ScheduledPrompts]:
        """Return the clicks on the results that came since the last call."""
        with self._lock:
            unseen, self._unseen = self._unseen, deque()
        corrected = (self._correct(data) for data in unseen)
        return [due for due in corrected if due is not None]

    def _correct(self, data: bytes) -> ScheduledPrompts | None:
        from surgsam2_ros.commands.evaluate_node import file_prompt
        from surgsam2_ros.nodes.replay import ScheduledPrompts
        from surgsam2_ros.sources import peek_header

        stamp_ns, _ = peek_header(data)
        frame = self._frames.get(stamp_ns)
        if frame is None or frame == len(self._frames) - 1 or frame < min(self._next.values()):
            return None
        truth = self._video.truth(frame)
        if truth is None:
            return None
        clicks = self._clicks(frame, truth, data)
        if not clicks:
            return None
        self.made += [(frame, click.object_id) for click in clicks]
        prompts = tuple(file_prompt(click, self._video) for click in clicks)
        return ScheduledPrompts(stamp_ns, self._headers[stamp_ns], prompts)

    def _clicks(self, frame: int, truth: Any, data: bytes) -> list[TruthPrompt]:
        from surgsam2_ros.commands.recorded_tracks import mask_of_track
        from surgsam2_ros.evaluation.runs.prompting import correction

        clicks = []
        for track in self._typestore.deserialize_cdr(data, _TRACKS_TYPE).tracks:
            object_id = int(track.object_id)
            if frame >= self._next[object_id]:
                self._next[object_id] = frame + self._every
                mask = mask_of_track(track, truth.shape)
                true_mask = truth == object_id
                click = correction(mask, true_mask, object_id, frame, below=self._below)
                clicks += [] if click is None else [click]
        return clicks
