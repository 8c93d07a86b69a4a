# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""All faults there are."""

from __future__ import annotations

from surgsam2_ros.live.chaos.fault import Fault
from surgsam2_ros.live.chaos.image_faults import IMAGE_FAULTS
from surgsam2_ros.live.chaos.process_faults import PROCESS_FAULTS
from surgsam2_ros.live.chaos.request_faults import REQUEST_FAULTS
from surgsam2_ros.live.chaos.state_faults import STATE_FAULTS

FAULTS: tuple[Fault, ...] = (*PROCESS_FAULTS, *IMAGE_FAULTS, *REQUEST_FAULTS, *STATE_FAULTS)
