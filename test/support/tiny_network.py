# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A small network with random weights, for tests of what the tracker does around it."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from repository import REPO

from surgsam2_ros.network import SurgSAM2, TrunkConfig, load_config

CONFIG = REPO / 'models' / 'surgsam2_nano.yaml'
SIZE = 64
WIDTHS = {
    'hidden_dim': 32,
    'memory_dim': 16,
    'memory_attention_layers': 1,
    'memory_attention_feedforward': 32,
    'decoder_feedforward': 32,
    'decoder_iou_hidden': 32,
    'fuser_layers': 1,
}
# What the shipped network saves is tested by itself; here the official rules hold.
OFFICIAL = {
    'trunk': TrunkConfig(type='efficientnet_lite0'),
    'num_frame_to_prune': 2,
    'self_attention_layers': None,
    'memory_pool': 1,
    'memory_mask_stride': 1,
    'fuser_expansion': 4,
    'binarise_prompted_masks': True,
    'motion_hint': False,
    'appearance_model': False,
}
LEAN = {
    'trunk': TrunkConfig(type='efficientnet_lite0', expansion=4, repeats=(1, 2, 2, 3, 3, 2, 1)),
    'self_attention_layers': 0,
    'memory_pool': 2,
    'memory_mask_stride': 4,
    'fuser_expansion': 2,
    'binarise_prompted_masks': False,
    'motion_hint': True,
    'appearance_model': True,
}


def tiny_network(*, presence_bias: float = 5.0, **changes) -> SurgSAM2:
    """Return a narrow nano network at 64 px, which sees its objects in every frame by default.

    Args:
        presence_bias: logit of presence, up to small differences between frames.
        changes: fields of the NetworkConfig.
    """
    torch.manual_seed(0)
    fields = {'image_size': SIZE, **WIDTHS, **OFFICIAL, **changes}
    config = dataclasses.replace(load_config(CONFIG), **fields)
    network = SurgSAM2(config).eval()
    with torch.no_grad():
        network.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(presence_bias)
        network.maskmem_tpos_enc.mul_(50.0)
    return network


def noise_frames(number: int, height: int = 48, width: int = 80, seed: int = 0) -> np.ndarray:
    """Return random images, uint8 [number, height, width, 3]."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (number, height, width, 3), dtype=np.uint8)
