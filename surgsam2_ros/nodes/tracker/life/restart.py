# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Warm restart: where the node's snapshot lies, what it belongs to, and what comes back from it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rclpy.node import Node

from surgsam2_ros.network.checkpoint import file_sha256
from surgsam2_ros.nodes.tracker.parameters import RestartParameters
from surgsam2_ros.nodes.tracker.tracker_loading import LoadedTracker
from surgsam2_ros.streaming.inference_thread import InferenceThread
from surgsam2_ros.streaming.snapshot_file import (
    SnapshotFile,
    SnapshotRefusedError,
    default_path,
)
from surgsam2_ros.streaming.snapshots import SnapshotKeeper
from surgsam2_ros.tracking import StreamingTracker
from surgsam2_ros.tracking.snapshot import restore_snapshot, take_snapshot

AUTO = 'auto'
_LONGEST_SIDE = 4096  # of a blank image, whatever a snapshot says


@dataclass(frozen=True)
class NodeIdentity:
    """Which node of which camera this is.

    Attributes:
        name: of the node, with its namespace.
        image_topic: that it subscribes to, resolved.
        domain_id: of ROS.
    """

    name: str
    image_topic: str
    domain_id: int

    @classmethod
    def of(cls, node: Node, image_topic: str) -> NodeIdentity:
        """Return the identity of a node that subscribes to this topic."""
        return cls(node.get_fully_qualified_name(), image_topic, node.context.get_domain_id())


def process_start_s() -> float:
    """Return when this process was started, by the system's clock [s]."""
    fields = Path('/proc/self/stat').read_text().rpartition(')')[2].split()
    started_s = int(fields[19]) / os.sysconf('SC_CLK_TCK')  # `starttime` of proc(5), since boot
    return time.time() - max(time.clock_gettime(time.CLOCK_BOOTTIME) - started_s, 0.0)


def snapshot_file(settings: RestartParameters, identity: NodeIdentity) -> SnapshotFile | None:
    """Return the file of a node's snapshots; None when it is to have none."""
    if not settings.snapshot_file:
        return None
    if settings.snapshot_file == AUTO:
        return SnapshotFile(default_path(identity.name, identity.domain_id))
    return SnapshotFile(Path(settings.snapshot_file).expanduser())


def discard_snapshot(settings: RestartParameters, identity: NodeIdentity) -> None:
    """Forget what a node saved, as far as that is possible."""
    file = snapshot_file(settings, identity)
    if file is not None:
        with contextlib.suppress(OSError):
            file.discard()


def start_snapshots(
    inference: InferenceThread,
    loaded: LoadedTracker,
    settings: RestartParameters,
    identity: NodeIdentity,
    *,
    began_s: float,
    warmup_frames: int,
    warn: Callable[[str], None],
    report: Callable[[str, str], None],
) -> None:
    """Bring back the objects of a process that was killed, and save them from now on.

    Args:
        inference: gets the snapshots and the session; its tracker is not in use yet.
        loaded: the tracker.
        settings: of the restart.
        identity: of the node.
        began_s: when the restart began, by the system's clock; a snapshot's age counts to then [s].
        warmup_frames: blank images tracked with the objects that came back, before the first real
            one: how many there are, and how full their memories, makes other shapes than those of
            the warm-up of the network.
        warn: receives why a snapshot is not used.
        report: receives (kind, text) when one cannot be written.
    """
    file = snapshot_file(settings, identity)
    if file is None:
        return
    try:
        weights = file_sha256(loaded.checkpoint)
    except OSError as error:
        warn(f'no snapshots are taken: the weights cannot be read again: {error}')
        return
    binding = {
        'node': identity.name,
        'image topic': identity.image_topic,
        'network': loaded.model,
        'weights (SHA-256)': weights,
    }
    keeper = SnapshotKeeper(file, binding, period_s=settings.snapshot_period_s, report=report)
    inference.snapshots = keeper
    try:
        inference.session = keeper.restore(
            loaded.tracker, inference.session, began_s=began_s, max_age_s=settings.max_age_s
        )
    except SnapshotRefusedError as error:
        warn(str(error))
    if keeper.restored is not None:
        try:
            warm_up(loaded.tracker, warmup_frames)
        except Exception as error:  # the objects are there; images will tell whether that stays
            warn(f'the warm-up with the restored objects failed: {type(error).__name__}: {error}')


def warm_up(tracker: StreamingTracker, frames: int) -> None:
    """Track blank images with the objects that are there, and take that back.

    Raises:
        whatever the network raises; the objects are as before then, too.
    """
    before = take_snapshot(tracker)
    height, width = before.state['region'][:2]  # of the image that came last
    blank = np.zeros((min(height, _LONGEST_SIDE), min(width, _LONGEST_SIDE), 3), np.uint8)
    try:
        for _ in range(frames):
            tracker.track(blank)
    finally:
        restore_snapshot(tracker, before)
