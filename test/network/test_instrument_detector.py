# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The head that finds instruments: its maps, what it costs, and whose features it accepts."""

from __future__ import annotations

import pytest
import torch
from repository import REPO
from safetensors.torch import save_file
from tiny_network import tiny_network
from torch.utils.flop_counter import FlopCounterMode

from surgsam2_ros.network import CheckpointError, load_network
from surgsam2_ros.network.instrument_detector import (
    TRUNK_KEY,
    InstrumentDetector,
    detector_beside,
    load_detector,
    trunk_digest,
)

NANO_320 = REPO / 'models' / 'surgsam2_nano_320.yaml'
LARGEST_GFLOP = 0.05


@pytest.fixture(scope='module', name='network')
def _network():
    return tiny_network()


def save_head(path, network, **facts):
    head = InstrumentDetector(network.config.hidden_dim)
    metadata = {TRUNK_KEY: trunk_digest(network), **facts}
    save_file(head.state_dict(), path, metadata=metadata)
    return head


def test_maps_have_a_cell_for_every_eight_pixels(network):
    head = InstrumentDetector(network.config.hidden_dim).eval()
    size, dim = network.image_size, network.config.hidden_dim
    with torch.inference_mode():
        maps = head(network.encode_image(torch.randn(2, 3, size, size)))
    side = size // 8
    assert maps.mask_logits.shape == maps.centre_logits.shape == (2, 1, side, side)
    assert maps.extents.shape == (2, 4, side, side)
    assert maps.features.shape == (2, dim, side // 2, side // 2)
    assert (maps.extents >= 0).all()


def test_it_costs_little_beside_the_default_network():
    head = InstrumentDetector().eval()
    stride8, stride16 = torch.zeros(1, 32, 40, 40), torch.zeros(1, 128, 20, 20)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        head.look(stride8, stride16)
    gflop = counter.get_total_flops() / 1e9
    assert 0.01 < gflop <= LARGEST_GFLOP


def test_the_shipped_weights_belong_to_the_shipped_network():
    path = detector_beside(NANO_320)
    assert path.stat().st_size < 1_000_000
    head = load_detector(path, load_network(NANO_320))
    assert not head.training


def test_weights_come_back_as_they_were_saved(network, tmp_path):
    head = save_head(tmp_path / 'head.safetensors', network)
    loaded = load_detector(tmp_path / 'head.safetensors', network)
    for name, tensor in head.state_dict().items():
        assert torch.equal(loaded.state_dict()[name].double(), tensor.double()), name


def test_weights_trained_on_another_trunk_are_refused(network, tmp_path):
    path = tmp_path / 'head.safetensors'
    save_head(path, network)
    other = tiny_network()
    weight = next(other.image_encoder.parameters())
    with torch.no_grad():
        weight[0] += 1.0
    with pytest.raises(CheckpointError, match='another network'):
        load_detector(path, other)


def test_what_the_head_does_not_read_may_be_trained_on(network, tmp_path):
    path = tmp_path / 'head.safetensors'
    save_head(path, network)
    other = tiny_network()
    with torch.no_grad():
        other.no_obj_ptr += 1.0
    load_detector(path, other)


def test_files_that_hold_no_detector_are_named(network, tmp_path):
    with pytest.raises(CheckpointError, match='do not exist'):
        load_detector(tmp_path / 'none.safetensors', network)
    (tmp_path / 'text.safetensors').write_text('no weights')
    with pytest.raises(CheckpointError, match='cannot be read'):
        load_detector(tmp_path / 'text.safetensors', network)
    save_file({'a': torch.zeros(1)}, tmp_path / 'other.safetensors')
    with pytest.raises(CheckpointError, match='holds no detector'):
        load_detector(tmp_path / 'other.safetensors', network)
    metadata = {TRUNK_KEY: trunk_digest(network)}
    save_file({'a': torch.zeros(1)}, tmp_path / 'old.safetensors', metadata=metadata)
    with pytest.raises(CheckpointError, match='no detector of this version'):
        load_detector(tmp_path / 'old.safetensors', network)
