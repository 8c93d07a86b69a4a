# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Scenes of real pixels: cut-out instruments over photographed tissue, moving stills.

Pictures are handed in as arrays; reading them is left to the caller.
"""

from surgsam2_ros.synthesis.composing.clips import (
    UNLABELLED,
    compose_clip,
    moving_still,
    tissue_clip,
)
from surgsam2_ros.synthesis.composing.long_scene import (
    InstrumentPicture,
    LongScene,
    compose_scene,
)
from surgsam2_ros.synthesis.composing.material import Cutout, Material, Tissue

__all__ = [
    'UNLABELLED',
    'Cutout',
    'InstrumentPicture',
    'LongScene',
    'Material',
    'Tissue',
    'compose_clip',
    'compose_scene',
    'moving_still',
    'tissue_clip',
]
