# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Exported weights load in the official code and in the node; files are whole or not there."""

from __future__ import annotations

import resource

import pytest
import torch
from oracle_sam2 import TINY

from surgsam2_ros.network import SurgSAM2, load_network
from surgsam2_ros.training.export import (
    OutputError,
    export_official,
    export_safetensors,
    replacing,
)


def test_the_official_sam2_code_loads_what_is_exported(tmp_path):
    build = pytest.importorskip('sam2.build_sam').build_sam2_video_predictor
    torch.manual_seed(3)
    ours = SurgSAM2(TINY)
    path = tmp_path / 'trained.pt'
    export_official(ours.state_dict(), path)
    official = build(
        'configs/sam2.1/sam2.1_hiera_t.yaml',
        str(path),
        device='cpu',
        hydra_overrides_extra=[f'++model.image_size={TINY.image_size}'],
    )
    loaded = official.state_dict()
    for name, tensor in ours.state_dict().items():
        assert torch.equal(loaded[name], tensor), name
    assert set(loaded) == set(ours.state_dict())


def test_safetensors_hold_half_precision_and_load_in_the_node(tmp_path):
    ours = SurgSAM2(TINY)
    path = tmp_path / 'trained.safetensors'
    export_safetensors(ours.state_dict(), path, {'steps': '7'})
    loaded = load_network(TINY, checkpoint=path).state_dict()
    for name, tensor in ours.state_dict().items():
        assert torch.equal(loaded[name], tensor.half().float()), name
    assert path.stat().st_size < 2.2 * sum(t.numel() for t in loaded.values())
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize('export', [export_official, export_safetensors])
def test_no_room_keeps_the_file_before_and_says_what_to_do(tmp_path, export):
    path = tmp_path / 'weights'
    export({'weight': torch.ones(4)}, path)
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OutputError, match=r'weights could not be written.*make room'):
            export({'weight': torch.ones(100_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_gets_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / 'state'
    path.write_text('old')
    with replacing(path) as unfinished:
        unfinished.write_text('new')
        assert path.read_text() == 'old'
    assert path.read_text() == 'new'


def test_an_interruption_while_writing_leaves_the_old_file(tmp_path):
    path = tmp_path / 'state'
    path.write_text('old')
    with pytest.raises(KeyboardInterrupt), replacing(path) as unfinished:
        unfinished.write_text('ne')
        raise KeyboardInterrupt
    assert path.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [path]
