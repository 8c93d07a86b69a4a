# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A network that takes over a decoder reads boxes as the decoder's network does."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from repository import REPO
from tiny_training import write_training

from surgsam2_ros.network import CheckpointError, build_network, load_config, load_network
from surgsam2_ros.synthesis import render_clip
from surgsam2_ros.training.adopted_decoder import adopt_decoder
from surgsam2_ros.training.clips import normalise
from surgsam2_ros.training.config import load_training_config
from surgsam2_ros.training.initial_network import initial_network

NANO = REPO / 'models' / 'surgsam2_nano.yaml'
SIZE = 128


def pictures(seed: int, number: int = 24) -> torch.Tensor:
    clips = [render_clip(np.random.default_rng([seed, n]), 1, size=SIZE)[0] for n in range(number)]
    return torch.from_numpy(normalise(np.concatenate(clips)))


@pytest.fixture(scope='module')
def teacher():
    return load_network(dataclasses.replace(load_config(NANO), image_size=SIZE))


@torch.no_grad()
def box_masks(network, images, boxes):
    features = network.encode_image(images)
    return network.decode(
        network.condition(features.stride16, None),
        features,
        points=boxes,
        labels=torch.tensor([[2, 3]]).expand(len(boxes), -1),
        multimask=False,
    ).candidates.mask_logits


def test_masks_of_boxes_are_those_of_the_teacher(teacher):
    torch.manual_seed(0)
    network = build_network(teacher.config).eval()
    trunk = teacher.image_encoder.trunk.state_dict()
    network.image_encoder.trunk.load_state_dict(trunk)  # all that there is to know, the neck not
    unseen = pictures(1, 4)
    boxes = torch.tensor([[[30.0, 20.0], [90.0, 100.0]]]).expand(len(unseen), -1, -1)
    wanted = box_masks(teacher, unseen, boxes)

    def error():
        return float((box_masks(network, unseen, boxes) - wanted).abs().mean() / wanted.std())

    assert error() > 0.5
    adopt_decoder(network, teacher, pictures(0))
    assert error() < 0.2  # few pictures decide some directions by the ridge alone


def test_a_decoder_of_other_widths_is_refused_by_name(tmp_path):
    path = write_training(tmp_path, decoder_from=str(NANO))
    with pytest.raises(CheckpointError, match=r'decoder_from .*surgsam2_nano.yaml.*same widths'):
        initial_network(load_training_config(path), lambda: torch.zeros(1, 3, 64, 64))
