# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Topics of a scene that is written into a bag; the launch files name the same."""

IMAGE_TOPIC = '/endoscope/left/image_raw'
TRUTH_TOPIC = '/endoscope/left/ground_truth'
OBJECTS_TOPIC = '/endoscope/left/objects'
