# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a person at the screen does during a replay: prompts objects, and corrects results."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from surgsam2_ros.evaluation.runs.prompting import PromptSettings, TruthPrompt
    from surgsam2_ros.evaluation.runs.video import EvaluationVideo
    from surgsam2_ros.nodes.replay.bag_replay import ScheduledPrompts

MOST_ATTEMPTS = 5
"""How often an object is prompted whose prompts the node refuses."""
_TRACKS_TYPE = 'surgsam2_msgs/msg/TrackArray'


class Operator:
    """Prompts each object in its first frame, and looks at the results from then on.

    Whether an object needs a correction is looked at in the first result that comes
    `correct_every` or more frames after its prompt or the last look; where no image is dropped,
    those are the frames in which a run through the tracker looks. An object whose prompt was
    refused, since the node tracked no frame near it, is prompted again in the next result that it
    can be seen in.

    Args:
        video: supplies the truth.
        prompts: the first prompts by object id.
        settings: of the prompts, and how often to correct.
        headers: stamp [ns] -> frame_id of each image, in order.

    Attributes:
        warnings: about prompts that were refused.
    """

    def __init__(
        self,
        video: EvaluationVideo,
        prompts: Mapping[int, TruthPrompt],
        settings: PromptSettings,
        headers: Mapping[int, str],
    ) -> None:
        from surgsam2_ros.sources.message_types import create_typestore, ensure_type

        self.warnings: list[str] = []
        self._video, self._settings, self._headers = video, settings, headers
        self._first = prompts
        self._stamps = tuple(headers)
        self._frames = {stamp_ns: frame for frame, stamp_ns in enumerate(headers)}
        self._next = {key: p.frame + settings.correct_every for key, p in prompts.items()}
        self._sent: list[ScheduledPrompts] = []
        self._attempts = Counter(prompts.keys())
        self._wanted: set[int] = set()  # to be prompted again
        self._corrections: set[ScheduledPrompts] = set()
        self._lock = threading.Lock()
        self._unseen: deque[bytes] = deque()
        self._typestore = create_typestore()
        ensure_type(self._typestore, _TRACKS_TYPE)

    def first_prompts(self) -> list[ScheduledPrompts]:
        """Return the prompts of all objects, in the order of their frames."""
        by_frame: dict[int, list[TruthPrompt]] = {}
        for prompt in self._first.values():
            by_frame.setdefault(prompt.frame, []).append(prompt)
        return [self._schedule(frame, given) for frame, given in sorted(by_frame.items())]

    def prompted(self) -> list[tuple[int, int]]:
        """Return (frame, object id) of what was sent and not refused."""
        return [
            (self._frames[due.stamp_ns], int(prompt.object_id))
            for due in self._sent
            for prompt in due.prompts
        ]

    def look_at(self, data: bytes) -> None:
        """Take note of a serialised TrackArray; cheap, for the thread that receives it."""
        if self._settings.correct_every or self._wanted:
            with self._lock:
                self._unseen.append(data)

    def follow_ups(self) -> list[ScheduledPrompts]:
        """Return the prompts and corrections on the results that came since the last call."""
        with self._lock:
            unseen, self._unseen = self._unseen, deque()
        return [due for data in unseen for due in self._react(data)]

    def take_refusal(self, due: ScheduledPrompts, error: Exception) -> None:
        """Take note of prompts that the node refused; objects without a track are asked again."""
        self._sent.remove(due)
        objects = [int(prompt.object_id) for prompt in due.prompts]
        frame, names = self._frames[due.stamp_ns], ', '.join(map(str, objects))
        kind = 'correction' if due in self._corrections else 'prompt'
        self.warnings.append(f'the node refused the {kind} of {names} in frame {frame}: {error}')
        if due not in self._corrections:
            self._wanted |= {key for key in objects if self._attempts[key] < MOST_ATTEMPTS}

    def _react(self, data: bytes) -> Iterable[ScheduledPrompts]:
        from surgsam2_ros.sources import peek_header

        frame = self._frames.get(peek_header(data)[0])
        due = self._wanted or (
            self._settings.correct_every and frame is not None and frame >= min(self._next.values())
        )
        if not due or frame is None or frame == len(self._stamps) - 1:
            return
        truth = self._video.truth(frame)
        if truth is None:
            return
        again = self._prompts_again(frame, truth)
        if again:
            yield self._schedule(frame, again)
        clicks = self._clicks(frame, truth, data)
        if clicks:
            correction = self._schedule(frame, clicks)
            self._corrections.add(correction)
            yield correction

    def _prompts_again(self, frame: int, truth: Any) -> list[TruthPrompt]:
        from surgsam2_ros.evaluation.runs.prompting import prompt_of_mask

        visible = [key for key in sorted(self._wanted) if (truth == key).any()]
        self._wanted -= set(visible)
        self._attempts.update(visible)
        self._next |= dict.fromkeys(visible, frame + self._settings.correct_every)
        return [
            prompt_of_mask(truth == key, key, frame, self._video.name, self._settings)
            for key in visible
        ]

    def _clicks(self, frame: int, truth: Any, data: bytes) -> list[TruthPrompt]:
        from surgsam2_ros.evaluation.runs.prompting import correction
        from surgsam2_ros.live.recorded_tracks import mask_of_track

        if not self._settings.correct_every:
            return []
        clicks, below = [], self._settings.correct_below
        for track in self._typestore.deserialize_cdr(data, _TRACKS_TYPE).tracks:
            object_id = int(track.object_id)
            if frame >= self._next[object_id]:
                self._next[object_id] = frame + self._settings.correct_every
                mask = mask_of_track(track, truth.shape)
                click = correction(mask, truth == object_id, object_id, frame, below=below)
                clicks += [] if click is None else [click]
        return clicks

    def _schedule(self, frame: int, prompts: Iterable[TruthPrompt]) -> ScheduledPrompts:
        from surgsam2_ros.nodes.replay.bag_replay import ScheduledPrompts

        stamp_ns = self._stamps[frame]
        given = tuple(_file_prompt(prompt, self._video) for prompt in prompts)
        self._sent.append(ScheduledPrompts(stamp_ns, self._headers[stamp_ns], given))
        return self._sent[-1]


def _file_prompt(prompt: TruthPrompt, video: EvaluationVideo) -> Any:
    """Return a prompt as the client takes it; the object's name is its id."""
    from surgsam2_ros.sources import FilePrompt

    return FilePrompt(
        str(prompt.object_id),
        prompt.object_id,
        video.names.get(prompt.object_id, ''),
        prompt.points,
        prompt.labels,
        prompt.box,
        prompt.mask,
    )
