# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Whether the network is right and fast on a GPU: checks and measurements in a few minutes.

Each part yields rows, dicts of plain values: `what`, `passed` (None for what is only measured)
and figures. On a CPU the same code runs, with less to do by `CheckSettings.quick`.
"""
