# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Threads and freshness between a camera and the tracker: newest image, preparation, inference.

Without ROS: images come in as undecoded frames, prompts as requests, results go out by callbacks.
A file, which waits for nobody, has a pipeline of its own in `file_tracking`.
"""
