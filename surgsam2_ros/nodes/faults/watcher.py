# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Notes everything that a node tells of itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node

from surgsam2_msgs.msg import TrackArray, TrackerStatus
from surgsam2_ros.nodes.client.client import TRACKS
from surgsam2_ros.nodes.faults.observations import DiagnosticSeen, StatusSeen, TracksSeen
from surgsam2_ros.nodes.messages import qos

Seen = TypeVar('Seen', StatusSeen, TracksSeen, DiagnosticSeen)


class Watcher:
    """Keeps every status, result and diagnostic of a node, in the order in which they came.

    Args:
        node: spun in another thread than those that ask.
        target: full name of the node that is watched.
    """

    def __init__(self, node: Node, target: str) -> None:
        self._target = target
        self._arrived = threading.Condition()
        self.statuses: list[StatusSeen] = []
        self.tracks: list[TracksSeen] = []
        self.diagnostics: list[DiagnosticSeen] = []
        node.create_subscription(TrackerStatus, f'{target}/status', self._see_status, qos.STATUS)
        node.create_subscription(TrackArray, f'{target}/tracks', self._see_tracks, TRACKS)
        node.create_subscription(
            DiagnosticArray, '/diagnostics', self._see_diagnostics, qos.DIAGNOSTICS
        )

    def wait(
        self, seen: list[Seen], wanted: Callable[[Seen], bool], timeout_s: float
    ) -> Seen | None:
        """Return the first coming entry of a list that is wanted; None when the time is up."""
        position = len(seen)

        def found() -> Seen | None:
            return next((one for one in seen[position:] if wanted(one)), None)

        with self._arrived:
            self._arrived.wait_for(lambda: found() is not None, timeout_s)
            return found()

    def _add(self, seen: list[Any], one: Any) -> None:
        with self._arrived:
            seen.append(one)
            self._arrived.notify_all()

    def _see_status(self, status: TrackerStatus) -> None:
        values = (getattr(status, name) for name in StatusSeen._fields[1:])
        self._add(self.statuses, StatusSeen(time.monotonic(), *values))

    def _see_tracks(self, tracks: TrackArray) -> None:
        stamp = tracks.header.stamp
        self._add(
            self.tracks,
            TracksSeen(
                time.monotonic(),
                stamp.sec * 1_000_000_000 + stamp.nanosec,
                tracks.session,
                tracks.frame_index,
                tracks.dropped_since_last,
                tracks.latency_ms,
                {track.object_id: track.instance for track in tracks.tracks},
            ),
        )

    def _see_diagnostics(self, report: DiagnosticArray) -> None:
        for status in report.status:
            if status.name.startswith(self._target):
                level = int.from_bytes(status.level, 'little')
                seen = DiagnosticSeen(time.monotonic(), level, status.message)
                self._add(self.diagnostics, seen)
