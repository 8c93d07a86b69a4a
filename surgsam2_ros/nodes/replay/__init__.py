# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Publishes bags and made images to a node at the pace of a camera, and records its results."""
