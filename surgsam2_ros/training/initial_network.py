# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The network that a training starts from."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from surgsam2_ros.network import (
    CheckpointError,
    NetworkConfig,
    SurgSAM2,
    build_network,
    load_config,
    load_imagenet_weights,
    load_network,
)
from surgsam2_ros.training.adopted_decoder import adopt_decoder
from surgsam2_ros.training.config import TrainingConfig, TrainingConfigError
from surgsam2_ros.training.narrow_trunk import fill_narrow_trunk
from surgsam2_ros.training.schedule import freeze

LOCALITY = 1.5  # falls by 1.4 in the logits of the attention over two cells of the stride-16 map


def network_config(config: TrainingConfig) -> NetworkConfig:
    """Read the configuration of the network that is trained.

    Raises:
        TrainingConfigError: when an appearance model is wanted that the network does not have.
    """
    model = load_config(config.root / config.model)
    if config.image_size is not None:
        model = dataclasses.replace(model, image_size=config.image_size)
    if config.appearance_model and not model.appearance_model:
        raise TrainingConfigError(
            f'appearance_model is true, and {config.model} has none; set appearance_model: true '
            'there as well, or leave it out here'
        )
    return model


def initial_network(
    config: TrainingConfig, pictures: Callable[[], Tensor] | None = None
) -> SurgSAM2:
    """Build the network that a training starts from, in training mode.

    Args:
        config: settings.
        pictures: draws images of the training, float32 [B, 3, S, S], normalised. A trunk that is
            narrower than the one with ImageNet weights is fitted to it on them, as the neck is to
            an adopted decoder; without pictures both stay as they are.

    Raises:
        CheckpointError: when its weights are missing or those of another network, or when
            `decoder_from` has a decoder of another size.
        TrainingConfigError: when a prefix in `freeze` fits nothing, or all parameters.
    """
    torch.manual_seed(config.seed)
    model = network_config(config)
    if config.initial_weights in ('imagenet', 'random'):
        network = build_network(model)
        _help_memory(network)
        trunk = network.image_encoder.trunk
        if config.initial_weights == 'imagenet' and trunk.is_original:
            load_imagenet_weights(trunk)
        elif config.initial_weights == 'imagenet' and pictures is not None:
            fill_narrow_trunk(trunk, pictures())
    else:
        weights = config.root / Path(config.initial_weights).expanduser()
        if not weights.is_file():
            raise CheckpointError(
                f'initial_weights {weights} does not exist; put it there (the section Weights of '
                'docs/weights.md says where it is to be had) or name it with '
                '--set initial_weights=/path/of/it'
            )
        network = load_network(model, checkpoint=weights)
    if config.decoder_from is not None and pictures is not None:
        _adopt_decoder(network, config, model.image_size, pictures())
    try:
        freeze(network, config.freeze)
    except ValueError as error:
        raise TrainingConfigError(f'freeze: {error}') from error
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise TrainingConfigError(f'freeze {list(config.freeze)} leaves nothing to train')
    return network.train()


def _adopt_decoder(
    network: SurgSAM2, config: TrainingConfig, image_size: int, images: Tensor
) -> None:
    path = config.root / config.decoder_from
    teacher = load_network(dataclasses.replace(load_config(path), image_size=image_size))
    try:
        adopt_decoder(network, teacher, images)
    except RuntimeError as error:
        raise CheckpointError(
            f'decoder_from {path}: prompt encoder and mask decoder do not fit {config.model}; name '
            f'a network with decoders of the same widths ({str(error).splitlines()[0]})'
        ) from error


def _help_memory(network: SurgSAM2) -> None:
    """Set what a short training from scratch needs to find out what the memory is for."""
    for block in network.memory_encoder.fuser.layers:
        nn.init.ones_(block.gamma)  # the usual 1e-6 needs a long training to grow
    for layer in network.memory_attention.layers:
        # Equal biases make the rotated scores largest between equal places: the memory is looked
        # up where it was made from the first step on, instead of being averaged over the picture.
        nn.init.constant_(layer.cross_attn_image.q_proj.bias, LOCALITY)
        nn.init.constant_(layer.cross_attn_image.k_proj.bias, LOCALITY)
