# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Random weights at which a mistake shows."""

from __future__ import annotations

import torch


def heat(network: torch.nn.Module, seed: int = 1) -> None:
    """Give weights the sizes at which a mistake in the memory path shows in the logits.

    With a plain random initialisation it hardly does: encodings of std 0.02 and layer scales of
    1e-6 hide which memory is read and how it is encoded.

    Args:
        network: ours or the official one, float32 on the CPU.
        seed: of what is drawn.
    """
    generator = torch.Generator().manual_seed(seed)

    def noise(tensor: torch.Tensor) -> torch.Tensor:
        return torch.randn(tensor.shape, generator=generator)

    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name in ('maskmem_tpos_enc', 'no_obj_embed_spatial', 'no_obj_ptr', 'no_mem_embed'):
                parameter.copy_(noise(parameter))
            elif name.startswith(('obj_ptr', 'mask_downsample')):
                parameter.mul_(3.0)
            elif name.startswith('memory_attention') and '_proj.' in name:
                parameter.mul_(2.0)
            elif name.startswith('sam_mask_decoder.output_hyper') and '.layers.2.' in name:
                parameter.mul_(20.0)
            elif name.startswith('sam_mask_decoder.pred_obj_score') and '.layers.2.w' in name:
                parameter.mul_(-300.0)
            elif name.endswith('gamma'):
                parameter.fill_(0.5)
