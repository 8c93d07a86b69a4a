# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Our state dict, which has the keys of the official code, under the keys of Sam2VideoModel."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

_POSITIONS = 'sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix'
_POINTS = re.compile(r'sam_prompt_encoder\.point_embeddings\.(\d)\.weight')

_HEAD = r'((?:mask_decoder\.\w+_(?:mlps\.\d|head)|object_pointer_proj)\.)'
# Patterns from the beginning of a part of a key, and what they become, one after the other.
_RENAMED = (
    (r'image_encoder\.trunk\.', r'vision_encoder.backbone.'),
    (r'image_encoder\.neck\.convs\.(\d)\.conv\.', r'vision_encoder.neck.convs.\1.'),
    (r'patch_embed\.proj\.', r'patch_embed.projection.'),
    (r'sam_prompt_encoder\.', r'prompt_encoder.'),
    (r'sam_mask_decoder\.', r'mask_decoder.'),
    (r'obj_ptr_proj\.', r'object_pointer_proj.'),
    (r'obj_ptr_tpos_proj\.', r'temporal_positional_encoding_projection_layer.'),
    (r'maskmem_tpos_enc$', r'memory_temporal_positional_encoding'),
    (r'no_mem_embed$', r'no_memory_embedding'),
    (r'no_mem_pos_enc$', r'no_memory_positional_encoding'),
    (r'no_obj_ptr$', r'no_object_pointer'),
    (r'no_obj_embed_spatial$', r'occlusion_spatial_embedding_parameter'),
    # Perceptrons of three layers, then those of two.
    (_HEAD + r'layers\.0\.', r'\1proj_in.'),
    (_HEAD + r'layers\.1\.', r'\1layers.0.'),
    (_HEAD + r'layers\.2\.', r'\1proj_out.'),
    (r'mlp\.layers\.0\.', r'mlp.proj_in.'),
    (r'mlp\.layers\.1\.', r'mlp.proj_out.'),
    (r'mask_downscaling\.0\.', r'mask_embed.conv1.'),
    (r'mask_downscaling\.1\.', r'mask_embed.layer_norm1.'),
    (r'mask_downscaling\.3\.', r'mask_embed.conv2.'),
    (r'mask_downscaling\.4\.', r'mask_embed.layer_norm2.'),
    (r'mask_downscaling\.6\.', r'mask_embed.conv3.'),
    (r'output_upscaling\.0\.', r'upscale_conv1.'),
    (r'output_upscaling\.1\.', r'upscale_layer_norm.'),
    (r'output_upscaling\.3\.', r'upscale_conv2.'),
    (r'mask_downsampler\.encoder\.12\.', r'mask_downsampler.final_conv.'),
    *(
        (
            rf'mask_downsampler\.encoder\.{3 * layer + place}\.',
            rf'mask_downsampler.layers.{layer}.{kind}.',
        )
        for layer in range(4)
        for place, kind in enumerate(('conv', 'layer_norm'))
    ),
    (r'memory_encoder\.pix_feat_proj\.', r'memory_encoder.feature_projection.'),
    (r'memory_encoder\.out_proj\.', r'memory_encoder.projection.'),
    (r'memory_encoder\.fuser\.', r'memory_encoder.memory_fuser.'),
    (r'gamma$', r'scale'),
    (r'dwconv\.', r'depthwise_conv.'),
    (r'pwconv(\d)\.', r'pointwise_conv\1.'),
    (r'out_proj\.', r'o_proj.'),
    (r'norm(\d?)\.', r'layer_norm\1.'),
    (r'norm_final_attn\.', r'layer_norm_final_attn.'),
)
_RULES = [(re.compile(rf'\b{pattern}'), written) for pattern, written in _RENAMED]


def transformers_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights under the keys of transformers, sharing the memory of ours.

    Args:
        state: state dict of a network with Hiera.
    """
    renamed = {}
    points = {}
    for key, tensor in state.items():
        if key == _POSITIONS:
            renamed['shared_image_embedding.positional_embedding'] = tensor
            renamed['prompt_encoder.shared_embedding.positional_embedding'] = tensor
        elif match := _POINTS.fullmatch(key):
            points[int(match[1])] = tensor
        else:
            renamed[_renamed(key)] = tensor
    renamed['prompt_encoder.point_embed.weight'] = torch.cat([points[i] for i in sorted(points)])
    return renamed


def _renamed(key: str) -> str:
    for pattern, written in _RULES:
        key = pattern.sub(written, key)
    return key
