# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Whatever chaos makes of a snapshot, it is one that must be refused."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('torch')

from surgsam2_ros.live.chaos.process_faults import damaged
from surgsam2_ros.streaming.snapshot_file import SnapshotRefusedError, StoredSnapshot
from surgsam2_ros.tracking.snapshot import TrackerSnapshot

SOUND = StoredSnapshot(TrackerSnapshot({}, {}), {'camera': '/image'}, 7, 100.0).to_bytes()


def test_a_damaged_snapshot_is_refused_however_it_was_damaged():
    StoredSnapshot.from_bytes(SOUND)
    for seed in range(50):
        with pytest.raises(SnapshotRefusedError):
            StoredSnapshot.from_bytes(damaged(SOUND, np.random.default_rng(seed)))
