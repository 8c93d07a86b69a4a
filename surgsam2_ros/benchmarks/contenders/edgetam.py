# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""EdgeTamVideoModel of transformers: an architecture of its own, with random weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch

from surgsam2_ros.benchmarks.contenders.contender import Box
from surgsam2_ros.benchmarks.contenders.timm_import import import_timm
from surgsam2_ros.benchmarks.contenders.transformers_stream import (
    TransformersStream,
    missing_library,
)
from surgsam2_ros.network import SurgSAM2

_TRUNK = {
    'architecture': 'repvit_m1',
    'model_args': {'in_chans': 3, 'features_only': True, 'out_indices': [0, 1, 2, 3]},
}
_ALWAYS_PRESENT = 200.0


class EdgeTam(TransformersStream):
    """EdgeTAM (Zhou et al., CVPR 2025) as transformers has it.

    Args:
        network: names the size and the device; its weights do not fit.
        clip: uint8 [T, H, W, 3].
        boxes: of the objects in frame 0.

    Raises:
        ContenderError: when a package is not installed.
    """

    packages = ('transformers', 'timm')
    has_our_weights: ClassVar[bool] = False

    def __init__(self, network: SurgSAM2, clip: np.ndarray, boxes: Sequence[Box]) -> None:
        try:
            import_timm()
            from transformers import EdgeTamVideoConfig, EdgeTamVideoModel
            from transformers.models.edgetam_video.modeling_edgetam_video import (
                EdgeTamVideoInferenceSession,
            )
        except ImportError as error:
            raise missing_library(error) from error
        size = network.image_size
        config = EdgeTamVideoConfig(
            vision_config={
                'model_type': 'edgetam_vision_model',
                'backbone_config': dict(_TRUNK),
                'backbone_feature_sizes': [[size // stride] * 2 for stride in (4, 8, 16)],
            },
            prompt_encoder_config={'image_size': size},
            image_size=size,
            memory_attention_rope_feat_sizes=[size // 16] * 2,
        )
        torch.manual_seed(0)
        model = EdgeTamVideoModel(config)
        with torch.no_grad():
            model.mask_decoder.pred_obj_score_head.proj_out.bias.fill_(_ALWAYS_PRESENT)
        model.eval().requires_grad_(False).to(network.device)
        super().__init__(model, EdgeTamVideoInferenceSession, clip, boxes)
