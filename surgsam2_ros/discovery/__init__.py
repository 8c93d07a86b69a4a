# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The overseer: proposals in, prompts and identities out. Pure decisions, no ROS."""
