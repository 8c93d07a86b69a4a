# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The operator's page: click, correct and watch beside a running node, or label a recording."""
