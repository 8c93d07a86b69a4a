# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a frame costs, beside the trackers that a user could take instead."""
