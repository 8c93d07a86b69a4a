# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Everything that touches rclpy: the lifecycle node, its parameters, messages and diagnostics."""

import os

# A node shares its machine with cameras and controllers. Threads of torch that wait for each other
# have to sleep: where others want the cores too, threads that spin hold each other up, and single
# images take ten times as long. OpenMP reads this when torch is loaded.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
