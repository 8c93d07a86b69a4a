# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Replays images through a running surgsam2 node, with prompts, and records what it publishes."""

from __future__ import annotations

import functools
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from surgsam2_ros.nodes.client import SurgSam2Client, SurgSam2Error
from surgsam2_ros.nodes.client.watched_calls import POLL_S, Answer, await_call, in_thread
from surgsam2_ros.nodes.replay.driving import (
    DISCOVERY_TIMEOUT_S,
    ReplayError,
    answered_last,
    await_answers,
    await_subscriber,
    driven_node,
)
from surgsam2_ros.nodes.replay.player import BagPlayer, MessageSource
from surgsam2_ros.nodes.replay.recorder import TopicRecorder
from surgsam2_ros.sources import BagMessage, BagWriter, FilePrompt, peek_header

TRACKS_TYPE = 'surgsam2_msgs/msg/TrackArray'
IMAGE_TYPE = 'sensor_msgs/msg/Image'

_PROMPT_LEAD_S = 0.3  # between sending the first prompts and the first image
_STALL_S = 10.0  # without a result for so long, the rest is taken for lost


@dataclass(frozen=True, eq=False)
class ScheduledPrompts:
    """Prompts for one image.

    Attributes:
        stamp_ns: stamp of the image's header.
        frame_id: of the image's header.
        prompts: each with the attributes of FilePrompt.
    """

    stamp_ns: int
    frame_id: str
    prompts: tuple[FilePrompt, ...]


@dataclass
class ReplayLog:
    """What was sent and what came back.

    Attributes:
        published: header (stamp [ns], frame_id) of each image -> monotonic time of publishing [ns].
        results: header of each TrackArray and the monotonic time of its arrival [ns].
        label_images: number of label images that came.
    """

    published: dict[tuple[int, str], int] = field(default_factory=dict)
    results: list[tuple[tuple[int, str], int]] = field(default_factory=list)
    label_images: int = 0

    def latencies_ms(self, newest: int = 0) -> list[float]:
        """Return the times from publishing an image to the arrival of its tracks [ms].

        Args:
            newest: return those of the last so many results; of all when 0.
        """
        return [
            (arrival - self.published[header]) / 1e6
            for header, arrival in self.results[-newest:]
            if header in self.published
        ]

    def answered_last(self) -> bool:
        """Whether the newest image has its result."""
        return answered_last(self.published, self.results[-1][0] if self.results else None)

    def unanswered(self) -> int:
        """Count the images without a result."""
        return len(self.published.keys() - {header for header, _ in self.results})

    def foreign_headers(self) -> int:
        """Count the results whose header is not that of any image, or that came twice."""
        own = {header for header, _ in self.results if header in self.published}
        return len(self.results) - len(own)

    def rate_hz(self) -> float:
        """Images published per second; 0 for fewer than two."""
        times = sorted(self.published.values())
        span = (times[-1] - times[0]) / 1e9 if len(times) > 1 else 0
        return (len(times) - 1) / span if span else 0.0


class Replay:
    """One replay: brings the node up, plays the images of one topic and records input and output.

    Args:
        reader: an opened bag, or another source of messages, with the images.
        image_topic: topic of the images in it.
        writer: bag that gets images, tracks and label images.
        target: name of the node, with its namespace.
        publish_as: topic to which the node subscribes; image_topic by default.
        tracks_only: whether the writer gets the tracks alone.
        on_tracks: called with each serialised TrackArray, on the thread that receives it.
        check_node: raises when the node's process has ended; called again and again.
    """

    def __init__(
        self,
        reader: MessageSource,
        image_topic: str,
        writer: BagWriter,
        *,
        target: str = '/surgsam2',
        publish_as: str | None = None,
        tracks_only: bool = False,
        on_tracks: Callable[[bytes], None] = lambda data: None,
        check_node: Callable[[], None] = lambda: None,
    ) -> None:
        self._reader = reader
        self._image_topic = image_topic
        self._publish_as = publish_as or image_topic
        self._writer = writer
        self._tracks_only = tracks_only
        self._target = target
        self._on_tracks = on_tracks
        self._check_node = check_node
        self._log = ReplayLog()

    def run(
        self,
        prompts: Sequence[ScheduledPrompts],
        *,
        speed: float = 1.0,
        follow_ups: Callable[[], Sequence[ScheduledPrompts]] = tuple,
        on_refusal: Callable[[ScheduledPrompts, Exception], None] | None = None,
        on_progress: Callable[[ReplayLog], None] = lambda log: None,
        on_state: Callable[[str], None] = lambda state: None,
    ) -> ReplayLog:
        """Replay the images once.

        Args:
            prompts: in the order of their images.
            speed: 1.0 plays as recorded.
            follow_ups: asked again and again for prompts on images that are past.
            on_refusal: called with prompts that the node refused, and why; by default that ends the
                replay.
            on_progress: called after each image.
            on_state: called with a few words when a new phase begins.

        Raises:
            ReplayError: when the node does not subscribe or answer.
            surgsam2_ros.nodes.client.SurgSam2Error: when it refuses a transition or a prompt.
        """
        driven = driven_node('surgsam2_replay', self._target, self._check_node, on_state)
        with driven as (node, client):
            player = BagPlayer(
                node,
                self._reader,
                topics=[self._image_topic],
                remap={self._image_topic: self._publish_as},
                rate=speed,
            )
            self._record_results(node, player)
            self._wait_for_discovery(node, player)
            on_state('replaying')
            prompting = _Prompting(client, prompts, follow_ups, on_refusal)
            self._play(player, prompting, on_progress)
            self._await_results(on_progress)
        return self._log

    def _record_results(self, node: Any, player: BagPlayer) -> None:
        def received(topic: str, data: bytes, _stamp_ns: int) -> None:
            if topic.endswith('/tracks'):
                self._log.results.append((peek_header(data), time.monotonic_ns()))
                self._on_tracks(data)
            else:
                self._log.label_images += 1

        recorder = TopicRecorder(node, self._writer, now_ns=player.bag_time_ns, on_message=received)
        recorder.add(f'{self._target}/tracks', TRACKS_TYPE)
        if not self._tracks_only:
            recorder.add(f'{self._target}/label_image', IMAGE_TYPE)
        if recorder.skipped:
            raise ReplayError('; '.join(recorder.skipped.values()))

    def _wait_for_discovery(self, node: Any, player: BagPlayer) -> None:
        await_subscriber(player, self._check_node)
        deadline = time.monotonic() + DISCOVERY_TIMEOUT_S
        topics = [f'{self._target}/tracks', f'{self._target}/label_image']
        while not all(node.count_publishers(topic) for topic in topics):
            self._check_node()
            if time.monotonic() > deadline:
                raise ReplayError(f'nobody publishes {" and ".join(topics)}')
            time.sleep(POLL_S)
        time.sleep(_PROMPT_LEAD_S)  # matching on the other side cannot be seen from here

    def _play(
        self, player: BagPlayer, prompting: _Prompting, on_progress: Callable[[ReplayLog], None]
    ) -> None:
        def before(message: BagMessage) -> None:
            self._check_node()
            prompting.send_due(peek_header(message.data)[0])

        def after(message: BagMessage, began_ns: int) -> None:
            self._log.published[peek_header(message.data)] = began_ns
            if not self._tracks_only:
                self._writer.write(message.topic, message.type_name, message.stamp_ns, message.data)
            on_progress(self._log)

        first = next(iter(self._reader.messages([self._image_topic])), None)
        if first is not None and prompting.send_due(peek_header(first.data)[0]):
            time.sleep(_PROMPT_LEAD_S)
        player.play(before=before, after=after, meanwhile=prompting.send_follow_ups)
        prompting.await_answers(self._await)

    def _await_results(self, on_progress: Callable[[ReplayLog], None]) -> None:
        log = self._log

        def has_labels() -> bool:
            return self._tracks_only or log.label_images >= len(log.results)

        def check() -> None:
            self._check_node()
            on_progress(log)

        await_answers(
            lambda: log.answered_last() and has_labels(),
            lambda: len(log.results) + log.label_images,
            # A missing label image alone is not worth a long wait.
            lambda: 1.0 if log.answered_last() else _STALL_S,
            check,
        )

    def _await(self, call: Callable[[], Answer]) -> Answer:
        """Return what a blocking call returns, unless the node dies meanwhile."""
        return await_call(call, self._check_node)


class _Prompting:
    """Sends prompts when their image is next, and takes the node's answers.

    Args:
        client: of the node.
        prompts: in the order of their images.
        follow_ups, on_refusal: as in Replay.run.
    """

    def __init__(
        self,
        client: SurgSam2Client,
        prompts: Sequence[ScheduledPrompts],
        follow_ups: Callable[[], Sequence[ScheduledPrompts]],
        on_refusal: Callable[[ScheduledPrompts, Exception], None] | None,
    ) -> None:
        self._client = client
        self._waiting = deque(prompts)
        self._follow_ups = follow_ups
        self._on_refusal = on_refusal
        self._answers: list[tuple[ScheduledPrompts, Future]] = []

    def send_due(self, stamp_ns: int) -> bool:
        """Send what belongs to the image of this stamp, which is published next; False if nothing.

        The node keeps a prompt for an image that has not come yet, so it is sent ahead.
        """
        done = [answer for answer in self._answers if answer[1].done()]
        self._answers = [answer for answer in self._answers if not answer[1].done()]
        for due, answer in done:
            self._take(due, answer.result)
        self.send_follow_ups()
        if not self._waiting or stamp_ns < self._waiting[0].stamp_ns:
            return False
        self._send(self._waiting.popleft())
        return True

    def send_follow_ups(self) -> None:
        """Send what follows from the results that have come."""
        for due in self._follow_ups():
            self._send(due)

    def await_answers(self, wait: Callable[[Callable[[], Any]], Any]) -> None:
        """Take the answers that are still to come; `wait` waits for a blocking call."""
        for due, answer in self._answers:
            self._take(due, functools.partial(wait, answer.result))
        self._answers = []

    def _send(self, due: ScheduledPrompts) -> None:
        seconds, nanoseconds = divmod(due.stamp_ns, 1_000_000_000)
        header = Header(stamp=Time(sec=seconds, nanosec=nanoseconds), frame_id=due.frame_id)
        answer = in_thread(lambda: self._client.add_objects(due.prompts, header=header))
        self._answers.append((due, answer))

    def _take(self, due: ScheduledPrompts, result: Callable[[], Any]) -> None:
        try:
            result()
        except SurgSam2Error as error:
            if self._on_refusal is None:
                raise
            self._on_refusal(due, error)
