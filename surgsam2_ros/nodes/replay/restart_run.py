# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Plays a scene to a node that starts by itself, and goes on while its process dies and returns."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from surgsam2_msgs.msg import TrackArray
from surgsam2_ros.nodes.client import NodeState, SurgSam2Client
from surgsam2_ros.nodes.client.client import TRACKS
from surgsam2_ros.nodes.client.node_thread import NodeThread
from surgsam2_ros.nodes.client.watched_calls import POLL_S, in_thread
from surgsam2_ros.nodes.replay.bag_replay import ScheduledPrompts
from surgsam2_ros.nodes.replay.driving import (
    DISCOVERY_TIMEOUT_S,
    START_TIMEOUT_S,
    ReplayError,
    await_subscriber,
)
from surgsam2_ros.nodes.replay.player import BagPlayer, MessageSource
from surgsam2_ros.sources import BagMessage, peek_header

_MATCHING_S = 0.3  # matching on the other side cannot be seen from here
_HELD_S = 0.5  # between two images while a prompt is under way
_PATIENCE_S, _QUIET_S = 5.0, 1.0  # for results that are wanted, and for others


@dataclass(frozen=True)
class ArrivedResult:
    """A TrackArray that came.

    Attributes:
        stamp_ns: of its image.
        arrived_ns: when it came, by the system's clock.
        data: the serialised message.
    """

    stamp_ns: int
    arrived_ns: int
    data: bytes


def play_scene(
    reader: MessageSource,
    image_topic: str,
    prompts: Sequence[ScheduledPrompts],
    *,
    target: str,
    speed: float,
    on_prompted: Callable[[], None] = lambda: None,
    on_published: Callable[[int, int], None] = lambda stamp_ns, published_ns: None,
    is_enough: Callable[[Sequence[ArrivedResult]], bool] = lambda results: False,
) -> list[ArrivedResult]:
    """Have an active node forget everything, then play a scene to it once.

    Args:
        reader, image_topic: the images; the node subscribes to this topic.
        prompts: in the order of their images.
        target: name of the node, with its namespace.
        speed: 1.0 plays as recorded.
        on_prompted: called once, when the node has taken all prompts.
        on_published: called with the stamp of each image once it is published, and when that
            began, by the system's clock [ns].
        is_enough: whether the results so far do; the scene is cut short then.

    Returns:
        the results in the order of their arrival.

    Raises:
        ReplayError: when the node does not subscribe.
        surgsam2_ros.nodes.client.SurgSam2Error: when it refuses a prompt, or is not active.
    """
    results: list[ArrivedResult] = []
    waiting, answers = list(prompts), []

    def receive(data: bytes) -> None:
        results.append(ArrivedResult(peek_header(data)[0], time.time_ns(), data))

    with contextlib.closing(NodeThread('surgsam2_restarts')) as thread:
        client = SurgSam2Client(target, node=thread.node, timeout_s=START_TIMEOUT_S)
        client.wait_for_status(lambda status: status.lifecycle_state == NodeState.ACTIVE)
        client.reset()
        thread.node.create_subscription(TrackArray, f'{target}/tracks', receive, TRACKS, raw=True)
        player = BagPlayer(thread.node, reader, topics=[image_topic], rate=speed)
        await_subscriber(player, lambda: None)
        _await_publisher(thread, f'{target}/tracks')

        def before(message: BagMessage) -> None:
            stamp_ns = peek_header(message.data)[0]
            if not all(answer.done() for answer in answers):
                player.pause()  # on a busy machine a prompt must not be overtaken by its image
                threading.Timer(_HELD_S, player.resume).start()
            while waiting and stamp_ns >= waiting[0].stamp_ns:
                answers.append(_send(client, waiting.pop(0)))
                time.sleep(_MATCHING_S)
            look()

        def look() -> None:
            if answers and not waiting and all(answer.done() for answer in answers):
                while answers:
                    answers.pop().result()
                on_prompted()
            if is_enough(results):
                player.stop()

        def after(message: BagMessage, began_ns: int) -> None:
            past_ns = time.monotonic_ns() - began_ns
            on_published(peek_header(message.data)[0], time.time_ns() - past_ns)

        player.play(before=before, after=after, meanwhile=look)
        ended_ns = time.time_ns()
        quiet_s = 0.0
        while quiet_s < (_QUIET_S if is_enough(results) else _PATIENCE_S):
            look()
            time.sleep(POLL_S)
            newest_ns = max([ended_ns, *(result.arrived_ns for result in results[-1:])])
            quiet_s = (time.time_ns() - newest_ns) / 1e9
    return results


def _send(client: SurgSam2Client, due: ScheduledPrompts) -> Future:
    seconds, nanoseconds = divmod(due.stamp_ns, 1_000_000_000)
    header = Header(stamp=Time(sec=seconds, nanosec=nanoseconds), frame_id=due.frame_id)
    return in_thread(lambda: client.add_objects(due.prompts, header=header))


def _await_publisher(thread: NodeThread, topic: str) -> None:
    deadline = time.monotonic() + DISCOVERY_TIMEOUT_S
    while not thread.node.count_publishers(topic):
        if time.monotonic() > deadline:
            raise ReplayError(f'nobody publishes {topic}')
        time.sleep(POLL_S)
    time.sleep(_MATCHING_S)
