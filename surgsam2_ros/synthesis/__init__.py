# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Rendered surgical scenes with exact truth: short clips to train on and long scenes to show."""

from surgsam2_ros.synthesis.clips import random_scene, render_clip
from surgsam2_ros.synthesis.kinds import ALL_KINDS, EVERYDAY_KINDS, HARD_KINDS
from surgsam2_ros.synthesis.laparoscopy import render_scene
from surgsam2_ros.synthesis.scene import Scene
from surgsam2_ros.synthesis.truth import ObjectTruth, frame_truth

__all__ = [
    'ALL_KINDS',
    'EVERYDAY_KINDS',
    'HARD_KINDS',
    'ObjectTruth',
    'Scene',
    'frame_truth',
    'random_scene',
    'render_clip',
    'render_scene',
]
