# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Quality of service by name."""

from __future__ import annotations

import pytest

pytest.importorskip('rclpy')
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy

from surgsam2_ros.nodes.messages import qos


@pytest.mark.parametrize(
    ('name', 'reliability'),
    [
        ('SENSOR_DATA', ReliabilityPolicy.BEST_EFFORT),
        ('DEFAULT', ReliabilityPolicy.RELIABLE),
        ('SYSTEM_DEFAULT', ReliabilityPolicy.SYSTEM_DEFAULT),
    ],
)
def test_profile_by_name(name, reliability):
    profile = qos.qos_profile(name, 4)
    assert (profile.reliability, profile.depth) == (reliability, 4)


def test_unknown_name_is_refused():
    with pytest.raises(ValueError, match="'BEST' is not known; use one of SENSOR_DATA"):
        qos.qos_profile('BEST')


def test_status_reaches_late_subscribers():
    assert qos.STATUS.durability == DurabilityPolicy.TRANSIENT_LOCAL
    assert (qos.STATUS.reliability, qos.STATUS.depth) == (ReliabilityPolicy.RELIABLE, 1)
