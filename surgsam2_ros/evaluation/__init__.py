# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Agreement of tracks with a truth: metrics, runs, records, reports and boards."""
