# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 models`: what is there, whether it is whole, and other file formats of it."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from repository import REPO
from safetensors.torch import load_file, save_file

from surgsam2_ros.cli import main
from surgsam2_ros.network import load_config, load_network
from surgsam2_ros.tracking import StreamingTracker

MODELS = REPO / 'models'
NANO = MODELS / 'surgsam2_nano.safetensors'
CONFIGS = sorted(MODELS.glob('*.yaml'))


def facts(text: str) -> dict[str, str]:
    """Parse the lines `name  value` of `models info`."""
    pairs = (line.split('  ', 1) for line in text.splitlines())
    return {name: value.strip() for name, value in pairs}


def test_list_names_every_network_and_tells_which_weights_are_there(capsys):
    assert main(['models', 'list']) == 0
    lines = capsys.readouterr().out.splitlines()
    for config in CONFIGS:
        (line,) = (line for line in lines if line.startswith(f'{config.stem} '))
        checkpoint = load_config(config).checkpoint
        assert checkpoint in line
        assert ('not here' in line) == (not (MODELS / checkpoint).exists())


def test_info_tells_size_and_checksum_of_weights_that_are_there(capsys):
    assert main(['models', 'info', 'surgsam2_nano']) == 0
    told = facts(capsys.readouterr().out)
    assert told['sha256'] == hashlib.sha256(NANO.read_bytes()).hexdigest()
    assert told['expected sha256'] == told['sha256']
    assert told['file'] == f'{NANO.stat().st_size / 1e6:.1f} MB'
    count = sum(tensor.numel() for tensor in load_file(NANO).values())
    assert float(told['parameters'].removesuffix(' M')) == pytest.approx(count / 1e6, abs=0.01)


def test_info_tells_where_to_get_weights_that_are_missing(capsys):
    assert main(['models', 'info', 'sam2.1_hiera_b+_512']) == 0
    told = facts(capsys.readouterr().out)
    assert told['file'] == 'not here'
    assert told['source'].startswith('https://')
    assert len(told['expected sha256']) == 64


def test_the_same_file_has_the_same_checksum_in_every_configuration():
    known: dict[str, set[str | None]] = {}
    for path in CONFIGS:
        config = load_config(path)
        known.setdefault(config.checkpoint, set()).add(config.checkpoint_sha256)
    assert all(len(checksums) == 1 for checksums in known.values())


def test_info_of_a_file_tells_which_network_it_belongs_to(capsys):
    assert main(['models', 'info', str(NANO)]) == 0
    told = facts(capsys.readouterr().out)
    assert told['model'] == 'surgsam2_nano.yaml'
    assert 'float16' in told['parameters']


def test_verify_accepts_the_weights_of_the_package(capsys):
    assert main(['models', 'verify']) == 0
    assert 'surgsam2_nano: ' in capsys.readouterr().out


@pytest.mark.parametrize('place', [1000, -1000])
def test_verify_finds_a_damaged_byte(tmp_path, capsys, place):
    content = bytearray(NANO.read_bytes())
    content[place] ^= 1
    damaged = tmp_path / NANO.name
    damaged.write_bytes(content)
    assert main(['models', 'verify', str(damaged)]) == 1
    told = capsys.readouterr().out
    assert 'wrong' in told and str(damaged) in told and load_nano().checkpoint_sha256 in told


def load_nano():
    return load_config(MODELS / 'surgsam2_nano.yaml')


def test_verify_finds_numbers_that_are_not_finite(tmp_path, capsys):
    state = load_file(NANO)
    state['no_mem_embed'][0, 0, 3] = torch.nan
    torch.save({'model': state}, tmp_path / 'mine.pt')
    assert main(['models', 'verify', str(tmp_path / 'mine.pt')]) == 1
    assert 'no_mem_embed' in capsys.readouterr().out


def test_verify_finds_weights_that_do_not_fit(tmp_path, capsys):
    state = load_file(NANO)
    state.pop('maskmem_tpos_enc')
    torch.save(state, tmp_path / 'mine.pt')
    assert main(['models', 'verify', str(tmp_path / 'mine.pt')]) == 1
    assert 'maskmem_tpos_enc is missing' in capsys.readouterr().out


def test_verify_of_missing_weights_tells_where_to_get_them(capsys):
    if (MODELS / 'sam2_hiera_tiny.pt').exists():
        pytest.skip('sam2_hiera_tiny.pt is there')
    assert main(['models', 'verify', 'sam2_hiera_t']) == 1
    assert 'https://' in capsys.readouterr().out


def test_converted_weights_track_the_same_and_come_back_bit_for_bit(tmp_path, capsys):
    official, back = tmp_path / 'nano.pt', tmp_path / 'back.safetensors'
    assert main(['models', 'convert', str(NANO), str(official), '--dtype', 'fp32']) == 0
    assert set(torch.load(official, weights_only=True)) == {'model'}
    assert main(['models', 'convert', str(official), str(back), '--dtype', 'fp16']) == 0
    before, after = load_file(NANO), load_file(back)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    logits = []
    for path in (NANO, official):
        tracker = StreamingTracker(load_network(MODELS / 'surgsam2_nano.yaml', checkpoint=path))
        tracker.add_object('tool', box=(10, 10, 40, 40))
        logits.append(tracker.track(np.zeros((64, 64, 3), np.uint8)).tracks[0].logits)
    assert torch.equal(*logits)


def test_a_training_state_is_stripped_to_its_weights(tmp_path, capsys):
    state = load_file(NANO)
    torch.save({'model': state, 'optimizer': {'lr': 1.0}, 'epoch': 3}, tmp_path / 'raw.pth')
    target = tmp_path / 'mine.safetensors'
    assert main(['models', 'convert', str(tmp_path / 'raw.pth'), str(target)]) == 0
    assert load_file(target).keys() == state.keys()


@pytest.mark.parametrize(
    ('target', 'words'),
    [('mine.onnx', '.safetensors'), ('there.pt', '--overwrite')],
)
def test_convert_refuses_unknown_suffixes_and_files_that_are_there(tmp_path, capsys, target, words):
    (tmp_path / 'there.pt').write_bytes(b'precious')
    assert main(['models', 'convert', str(NANO), str(tmp_path / target)]) == 1
    assert words in capsys.readouterr().err
    assert (tmp_path / 'there.pt').read_bytes() == b'precious'


def test_convert_refuses_numbers_that_the_type_cannot_hold(tmp_path, capsys):
    state = {name: tensor.float() for name, tensor in load_file(NANO).items()}
    state['no_mem_embed'][0, 0, 0] = 1e6
    torch.save(state, tmp_path / 'mine.pt')
    target = tmp_path / 'mine.safetensors'
    assert main(['models', 'convert', str(tmp_path / 'mine.pt'), str(target), '--dtype', 'fp16'])
    assert 'no_mem_embed' in capsys.readouterr().err
    assert not target.exists()


def halved_and_shifted(tmp_path) -> dict[str, torch.Tensor]:
    """Write two files of weights whose mean is known: 0.5 x and x + 1."""
    weights = {name: tensor.float() for name, tensor in load_file(NANO).items()}
    save_file({name: 0.5 * tensor for name, tensor in weights.items()}, tmp_path / 'a.safetensors')
    save_file({name: tensor + 1 for name, tensor in weights.items()}, tmp_path / 'b.safetensors')
    return weights


def test_average_takes_the_mean_by_shares(tmp_path, capsys):
    weights = halved_and_shifted(tmp_path)
    target = tmp_path / 'mean.safetensors'
    sources = [f'{tmp_path}/a.safetensors:2', f'{tmp_path}/b.safetensors:6']
    assert main(['models', 'average', str(target), *sources, '--dtype', 'fp32']) == 0
    for name, tensor in load_file(target).items():
        torch.testing.assert_close(tensor, 0.25 * 0.5 * weights[name] + 0.75 * (weights[name] + 1))
    assert main(['models', 'average', str(target), *sources]) == 1
    assert 'exists; name another file or give --overwrite' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('shares', 'words'), [((':1', ':x'), "'x' is no number"), ((':1', ':0'), 'must be above 0')]
)
def test_average_refuses_shares_that_are_none(tmp_path, capsys, shares, words):
    halved_and_shifted(tmp_path)
    sources = [
        f'{tmp_path}/{name}.safetensors{share}' for name, share in zip('ab', shares, strict=True)
    ]
    assert main(['models', 'average', str(tmp_path / 'mean.safetensors'), *sources]) == 1
    assert words in capsys.readouterr().err


def test_average_refuses_weights_of_another_network(tmp_path, capsys):
    weights = load_file(NANO)
    weights.pop('no_mem_embed')
    save_file(weights, tmp_path / 'other.safetensors')
    sources = [str(NANO), str(tmp_path / 'other.safetensors')]
    assert main(['models', 'average', str(tmp_path / 'mean.safetensors'), *sources]) == 1
    assert 'no_mem_embed is in one of them alone' in capsys.readouterr().err
