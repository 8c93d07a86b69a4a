# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What makes a node's life hard over DDS, and what was seen of the node meanwhile."""
