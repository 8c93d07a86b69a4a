# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Takes over how another network reads prompts.

What a box or a click means is learned slowly: a short training finds out what an instrument looks
like long before it finds out that the box says which one. Prompt encoder and mask decoder of a
network that knows are copied, and the neck is fitted anew so that they see the features that they
are used to.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.training.narrow_trunk import at_places, ridge_change

_ADOPTED = ('sam_prompt_encoder', 'sam_mask_decoder', 'obj_ptr_proj', 'no_mem_embed', 'no_obj_ptr')


@torch.no_grad()
def adopt_decoder(network: SurgSAM2, teacher: SurgSAM2, images: Tensor) -> None:
    """Copy prompt encoder and mask decoder, and fit the neck to the teacher's features.

    Args:
        network: gets them.
        teacher: of the same widths and the same size of the input.
        images: float32 [B, 3, S, S], normalised; what the network is to see.

    Raises:
        RuntimeError: when the teacher's decoder has other shapes.
    """
    for name in _ADOPTED:
        ours, theirs = getattr(network, name), getattr(teacher, name)
        if isinstance(ours, nn.Parameter):
            ours.copy_(theirs)
        else:
            ours.load_state_dict(theirs.state_dict())
    known = network.image_encoder.trunk(images)
    wanted = teacher.image_encoder.trunk(images)
    ours, theirs = network.image_encoder.neck.convs, teacher.image_encoder.neck
    for level, maps in ((3, 0), (2, 1)):  # stride 4 and 8
        _fit([ours[level].conv], [known[maps]], theirs.convs[level].conv(wanted[maps]))
    stride32 = known[3].repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    _fit([ours[1].conv, ours[0].conv], [known[2], stride32], theirs.stride16(*wanted[2:]))


def _fit(convs: list[nn.Conv2d], inputs: list[Tensor], wanted: Tensor) -> None:
    """Fit 1x1 convolutions whose outputs are added; what pictures do not decide stays."""
    rows = torch.cat([at_places(each) for each in inputs], dim=1)
    rows = torch.cat([rows, rows.new_ones(len(rows), 1)], dim=1)
    weights = [conv.weight.flatten(1).T.double() for conv in convs]
    bias = sum(conv.bias for conv in convs)[None].double()
    fitted = torch.cat([*weights, bias])
    fitted += ridge_change(rows, at_places(wanted) - rows @ fitted)
    start = 0
    for conv in convs:
        conv.weight.copy_(fitted[start : start + conv.in_channels].T[..., None, None])
        conv.bias.zero_()
        start += conv.in_channels
    convs[0].bias.copy_(fitted[-1])
