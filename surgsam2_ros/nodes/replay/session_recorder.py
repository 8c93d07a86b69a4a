# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Records what happens around running nodes: topics, and prompts that went by service, in a bag."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rclpy.serialization import serialize_message

from surgsam2_msgs.msg import PromptArray
from surgsam2_ros.nodes.client.node_thread import NodeThread
from surgsam2_ros.nodes.messages.requests import prompt_message, stamp_header
from surgsam2_ros.nodes.replay.recorder import DISCOVERY_PERIOD_S, TopicRecorder
from surgsam2_ros.sources import BagWriter, SourceError

_PROMPTS_TYPE = 'surgsam2_msgs/msg/PromptArray'


class SessionRecorder:
    """A recording under way, with a node and a thread of its own; `close` completes the bag.

    Args:
        path: file to write, which does not exist yet.
        topics: to record, from when they are published.

    Raises:
        SourceError: the file cannot be made.
    """

    def __init__(self, path: Path, topics: Iterable[str]) -> None:
        self._topics = list(topics)
        self._writer = _CountingWriter(path)
        self._thread = NodeThread('surgsam2_recorder')
        self._recorder = TopicRecorder(self._thread.node, self._writer)
        self._thread.node.create_timer(
            DISCOVERY_PERIOD_S, lambda: self._recorder.discover(self._topics)
        )

    @property
    def written_bytes(self) -> int:
        """Bytes of the messages so far."""
        return self._writer.written_bytes

    @property
    def counts(self) -> dict[str, int]:
        """Messages so far, by topic."""
        return dict(self._writer.counts)

    @property
    def failure(self) -> str:
        """Why nothing can be written any more; empty while all is well."""
        return self._writer.failure

    def write_prompt(self, topic: str, stamp_ns: int, prompt: Any) -> None:
        """Record a prompt that went to a node by service, as one that went by topic.

        Args:
            topic: that prompts of this node have, or would have.
            stamp_ns: of the image that was prompted [ns].
            prompt: a tracking.Prompt.
        """
        message = PromptArray(
            header=stamp_header(stamp_ns),
            prompts=[prompt_message(prompt, keep_old_points=prompt.adds_points)],
        )
        now_ns = self._thread.node.get_clock().now().nanoseconds
        self._writer.write(topic, _PROMPTS_TYPE, now_ns, serialize_message(message))

    def close(self) -> None:
        """Stop recording and complete the bag; may be called twice.

        Raises:
            SourceError: it could not be completed; says why.
        """
        if self._thread is None:
            return
        thread, self._thread = self._thread, None
        thread.close()
        try:
            self._writer.close()
        except OSError as error:
            raise SourceError(
                f'{self._writer.path} could not be completed: {error}; what was written is beside '
                'it, in a hidden folder of that name'
            ) from error


class _CountingWriter(BagWriter):
    """A bag that counts bytes, and notes an error where BagWriter raises it.

    An error must not end the thread that takes messages.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.written_bytes = 0
        self.failure = ''
        self._counting = threading.Lock()

    def write(self, topic: str, type_name: str, stamp_ns: int, data: bytes | memoryview) -> None:
        """Append a message, unless one before could not be written."""
        if self.failure:
            return
        try:
            super().write(topic, type_name, stamp_ns, data)
        except (SourceError, OSError) as error:
            self.failure = str(error)
            return
        with self._counting:
            self.written_bytes += len(data)
