# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Sam2VideoModel of transformers, with this project's weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from surgsam2_ros.benchmarks.contenders.contender import Box, ContenderError
from surgsam2_ros.benchmarks.contenders.transformers_stream import (
    TransformersStream,
    missing_library,
)
from surgsam2_ros.benchmarks.contenders.transformers_weights import transformers_state
from surgsam2_ros.network import NetworkConfig, SurgSAM2


class TransformersSam2(TransformersStream):
    """SAM 2 as transformers has it.

    Args:
        network: whose weights it gets; also names the size and the device.
        clip: uint8 [T, H, W, 3].
        boxes: of the objects in frame 0.

    Raises:
        ContenderError: when the package is not installed or has no such network.
    """

    def __init__(self, network: SurgSAM2, clip: np.ndarray, boxes: Sequence[Box]) -> None:
        try:
            from transformers import Sam2VideoConfig, Sam2VideoModel
            from transformers.models.sam2_video.modeling_sam2_video import (
                Sam2VideoInferenceSession,
            )
        except ImportError as error:
            raise missing_library(error) from error
        if network.config.trunk.type != 'hiera':
            raise ContenderError(f'transformers has no network like {network.config.name}')
        model = Sam2VideoModel(Sam2VideoConfig(**model_settings(network.config)))
        model.load_state_dict(transformers_state(network.state_dict()), strict=True)
        model.eval().requires_grad_(False).to(network.device)
        super().__init__(model, Sam2VideoInferenceSession, clip, boxes)


def model_settings(config: NetworkConfig) -> dict[str, Any]:
    """Return the arguments of Sam2VideoConfig that describe one of our networks with Hiera."""
    trunk, size, dim = config.trunk, config.image_size, config.hidden_dim
    widths = [trunk.embed_dim * 2**stage for stage in range(4)]
    backbone = {
        'hidden_size': trunk.embed_dim,
        'image_size': [size, size],
        'window_positional_embedding_background_size': [trunk.position_size] * 2,
        'num_attention_heads': trunk.num_heads,
        'blocks_per_stage': list(trunk.stages),
        'embed_dim_per_stage': widths,
        'num_attention_heads_per_stage': [trunk.num_heads * 2**stage for stage in range(4)],
        'window_size_per_stage': list(trunk.window_sizes),
        'global_attention_blocks': list(trunk.global_blocks),
    }
    return {
        'vision_config': {
            'backbone_config': backbone,
            'backbone_channel_list': widths[::-1],
            'backbone_feature_sizes': [[size // stride] * 2 for stride in (4, 8, 16)],
            'fpn_hidden_size': dim,
        },
        'prompt_encoder_config': {'hidden_size': dim, 'image_size': size},
        'mask_decoder_config': {
            'hidden_size': dim,
            'mlp_dim': config.decoder_feedforward,
            'num_attention_heads': config.decoder_heads,
            'iou_head_hidden_dim': config.decoder_iou_hidden,
            'dynamic_multimask_via_stability': config.dynamic_multimask,
        },
        'image_size': size,
        'num_maskmem': config.num_maskmem,
        'max_object_pointers_in_encoder': config.max_object_pointers,
        'multimask_min_pt_num': config.multimask_min_points,
        'multimask_max_pt_num': config.multimask_max_points,
        'enable_occlusion_spatial_embedding': config.is_sam21,
        'enable_temporal_pos_encoding_for_object_pointers': config.is_sam21,
        'memory_attention_hidden_size': dim,
        'memory_attention_num_layers': config.memory_attention_layers,
        'memory_attention_num_attention_heads': config.memory_attention_heads,
        'memory_attention_feed_forward_hidden_size': config.memory_attention_feedforward,
        'memory_attention_rope_feat_sizes': [config.feature_size] * 2,
        'memory_encoder_hidden_size': dim,
        'memory_encoder_output_channels': config.memory_dim,
        'mask_downsampler_embed_dim': dim,
        'memory_fuser_num_layers': config.fuser_layers,
        'memory_fuser_embed_dim': dim,
        'memory_fuser_intermediate_dim': 4 * dim,
    }
