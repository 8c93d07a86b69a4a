# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Replays a bag: publishes its messages as they were recorded, byte for byte, at their own pace."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from builtin_interfaces.msg import Time
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosbags.interfaces import QosDurability
from rosgraph_msgs.msg import Clock
from std_srvs.srv import Trigger

from surgsam2_ros.nodes.messages.message_classes import load_message_class
from surgsam2_ros.sources import BagMessage, SourceError, TopicInfo

PUBLISHER_DEPTH = 10
SERVICE_NAMESPACE = '/surgsam2_bag_player'
_POLL_S = 0.02


class MessageSource(Protocol):
    """What the player needs of a bag; see BagReader."""

    path: Path
    topics: Mapping[str, TopicInfo]
    start_ns: int

    def require_topic(self, topic: str) -> TopicInfo:
        """Return a topic's information; SourceError when there is none of that name."""

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """Yield the messages of some topics by their time of recording."""


class BagPlayer:
    """Publishes the messages of a bag on a schedule that is fixed from the start, so none drifts.

    Call `play` in a thread of its own or in the main thread, with the node spun elsewhere. Services
    named pause and resume, below SERVICE_NAMESPACE, do what the methods do.

    Args:
        node: publishes for the player.
        reader: the opened bag, or what stands for one.
        topics: topics to publish; all of them by default.
        remap: topic name in the bag -> name to publish it under.
        rate: playing speed, 1.0 = as recorded.
        clock_hz: how often to publish the bag's time on /clock, besides just before each message;
            0 publishes no clock.
        paused: begin paused.

    Attributes:
        skipped: why topics are not published, by name.
        published: messages published so far.

    Raises:
        SourceError: when a topic is not in the bag or none can be published.
        ValueError: when rate or clock_hz are out of range.
    """

    def __init__(
        self,
        node: Node,
        reader: MessageSource,
        *,
        topics: Iterable[str] | None = None,
        remap: Mapping[str, str] | None = None,
        rate: float = 1.0,
        clock_hz: float = 0.0,
        paused: bool = False,
    ) -> None:
        if rate <= 0:
            raise ValueError(f'a playing rate of {rate} is impossible; give one above 0')
        if clock_hz < 0:
            raise ValueError(f'a clock of {clock_hz} Hz is impossible; give 0 for none')
        self._reader = reader
        self._rate = rate
        self._publishers: dict[str, Publisher] = {}
        self.skipped: dict[str, str] = {}
        self.published = 0
        for name in reader.topics if topics is None else topics:
            self._add_topic(node, name, (remap or {}).get(name, name))
        if not self._publishers:
            reasons = '; '.join(self.skipped.values()) or 'it has no topics'
            raise SourceError(f'nothing of bag {reader.path} can be published: {reasons}')
        self._clock = node.create_publisher(Clock, '/clock', 1) if clock_hz else None
        self._clock_period = 1 / clock_hz if clock_hz else float('inf')
        self._stop = threading.Event()
        self._resumed = threading.Event()
        if not paused:
            self._resumed.set()
        self._first_ns = reader.start_ns  # bag time at which the schedule starts
        self._start = time.monotonic()  # time of that moment
        self._next_tick = float('inf')
        node.create_service(Trigger, f'{SERVICE_NAMESPACE}/pause', self._serve_pause)
        node.create_service(Trigger, f'{SERVICE_NAMESPACE}/resume', self._serve_resume)

    def _add_topic(self, node: Node, name: str, published_as: str) -> None:
        information = self._reader.require_topic(name)
        try:
            message_class = load_message_class(information.type_name)
        except LookupError as error:
            self.skipped[name] = str(error)
            return
        latched = bool(information.qos) and all(
            profile.durability == QosDurability.TRANSIENT_LOCAL for profile in information.qos
        )
        # Reliable reaches best-effort subscribers too, whatever was offered when recording.
        profile = QoSProfile(
            depth=PUBLISHER_DEPTH,
            reliability=ReliabilityPolicy.RELIABLE,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
        )
        absolute = published_as if published_as.startswith(('/', '~')) else f'/{published_as}'
        self._publishers[name] = node.create_publisher(message_class, absolute, profile)

    @property
    def topics(self) -> list[str]:
        """Names, in the bag, of the topics that are published."""
        return list(self._publishers)

    def wait_for_subscribers(self, timeout_s: float) -> list[str]:
        """Wait until every topic has a subscriber; returns the published names that have none."""
        deadline = time.monotonic() + timeout_s
        while True:
            waiting = [
                publisher.topic_name
                for publisher in self._publishers.values()
                if publisher.get_subscription_count() == 0
            ]
            if not waiting or time.monotonic() >= deadline or self._stop.wait(_POLL_S):
                return waiting

    def play(
        self,
        *,
        before: Callable[[BagMessage], None] = lambda message: None,
        after: Callable[[BagMessage, int], None] = lambda message, monotonic_ns: None,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> int:
        """Publish all messages once and return their number; `stop` ends it early.

        Args:
            before: called with each message as soon as it is known, before the wait for its time.
            after: called with each message once it is published, and the monotonic time [ns] at
                which publishing began.
            meanwhile: called again and again during the wait for a message's time; it delays the
                message if it takes longer than that.
        """
        count = 0
        for message in self._reader.messages(self._publishers):
            if count == 0:  # what other topics hold before the first message is not waited for
                self._first_ns = message.stamp_ns
                self._start = time.monotonic()
                self._next_tick = float('inf') if self._clock is None else self._start
            before(message)
            due = self._start + (message.stamp_ns - self._first_ns) / (1e9 * self._rate)
            if not self._wait_until(due, message.stamp_ns, meanwhile):
                break
            self._publish_clock(message.stamp_ns)
            began_ns = time.monotonic_ns()
            self._publishers[message.topic].publish(message.data)
            after(message, began_ns)
            count += 1
            self.published += 1
        return count

    def bag_time_ns(self) -> int:
        """Return the time of the recording that is being played now [ns]."""
        elapsed = max(time.monotonic() - self._start, 0.0)
        return self._first_ns + round(elapsed * self._rate * 1e9)

    def stop(self) -> None:
        """End `play` and every wait for good."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stop.is_set()

    @property
    def paused(self) -> bool:
        """Whether the player holds still."""
        return not self._resumed.is_set()

    def pause(self) -> None:
        """Hold still before the next message."""
        self._resumed.clear()

    def resume(self) -> None:
        """Go on where the player was paused; the rest of the schedule moves by the pause."""
        self._resumed.set()

    def _wait_until(self, due: float, stamp_ns: int, meanwhile: Callable[[], None]) -> bool:
        """Keep the clock ticking until `due`, through pauses; False when stopped."""
        while not self._stop.is_set():
            now = time.monotonic()
            if not self._resumed.is_set():
                self._wait_for_resume()
                moved = time.monotonic() - now
                self._start += moved
                self._next_tick += moved
                due += moved
                continue
            if now >= due:
                return True
            if now >= self._next_tick:
                bag_ns = self._first_ns + round((now - self._start) * self._rate * 1e9)
                self._publish_clock(min(bag_ns, stamp_ns))
                self._next_tick = max(self._next_tick + self._clock_period, now)
            meanwhile()
            # Sleep rather than wait on the event: an event's timeout is late by milliseconds.
            time.sleep(max(min(due, self._next_tick, now + _POLL_S) - time.monotonic(), 0))
        return False

    def _wait_for_resume(self) -> None:
        while not self._resumed.wait(_POLL_S) and not self._stop.is_set():
            pass

    def _publish_clock(self, bag_ns: int) -> None:
        if self._clock is not None:
            seconds, nanoseconds = divmod(bag_ns, 1_000_000_000)
            self._clock.publish(Clock(clock=Time(sec=seconds, nanosec=nanoseconds)))

    def _serve_pause(self, _request: Trigger.Request, response: Trigger.Response):
        self.pause()
        response.success, response.message = True, 'paused; resume goes on'
        return response

    def _serve_resume(self, _request: Trigger.Request, response: Trigger.Response):
        self.resume()
        response.success, response.message = True, 'playing'
        return response
