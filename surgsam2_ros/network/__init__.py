# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""SurgSAM2 as PyTorch modules: tensors in, tensors out; memories are kept by those who use it."""

from surgsam2_ros.network.checkpoint import CheckpointError, build_network, load_network
from surgsam2_ros.network.config import ConfigError, NetworkConfig, TrunkConfig, load_config
from surgsam2_ros.network.efficientnet_lite import load_imagenet_weights
from surgsam2_ros.network.frame_tensors import Decoded, ImageFeatures, MaskHint, MemoryTokens
from surgsam2_ros.network.surgsam2 import ABSENT_LOGIT, SurgSAM2

__all__ = [
    'ABSENT_LOGIT',
    'CheckpointError',
    'ConfigError',
    'Decoded',
    'ImageFeatures',
    'MaskHint',
    'MemoryTokens',
    'NetworkConfig',
    'SurgSAM2',
    'TrunkConfig',
    'build_network',
    'load_config',
    'load_imagenet_weights',
    'load_network',
]
