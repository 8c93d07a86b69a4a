# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Whether a node that runs for hours needs more and more: memory, files, threads, time."""
