# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Training on rendered clips: data, simulated prompts, losses, unrolled tracking and the loop."""
