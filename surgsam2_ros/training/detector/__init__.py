# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Training of the head that finds instruments, on the features of a network that stays as it is."""
