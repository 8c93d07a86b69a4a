# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A short training of a detector on pictures that are drawn here."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from repository import REPO
from safetensors import safe_open

from surgsam2_ros.drawing import label_palette
from surgsam2_ros.network import load_network
from surgsam2_ros.network.instrument_detector import load_detector
from surgsam2_ros.sources import write_label_png
from surgsam2_ros.training.config import TrainingConfigError, read_settings
from surgsam2_ros.training.detector.config import detector_config
from surgsam2_ros.training.detector.loop import DetectorRun, train_detector
from surgsam2_ros.training.detector.pictures import DetectorPictures
from surgsam2_ros.training.detector.pool import FeaturePool
from surgsam2_ros.training.detector.targets import Channel
from surgsam2_ros.training.detector.tissue import write_tissue
from surgsam2_ros.training.state_file import OutputFolderError

COMPOSED = {'type': 'composed', 'cutouts': ['tools'], 'tissue': ['views']}


@pytest.fixture(scope='module', name='data_root')
def _data_root(tmp_path_factory):
    """Give ten pictures with a tool, and ten views of which one shows one."""
    root = tmp_path_factory.mktemp('pictures')
    rng = np.random.default_rng(0)
    for folder in ('tools/frames', 'tools/masks', 'views/frames'):
        (root / folder).mkdir(parents=True)
    for index in range(10):
        labels = np.zeros((120, 160), np.uint8)
        cv2.line(labels, (10, 20 + 5 * index), (150, 100 - 5 * index), 1, 14)
        rgb = np.where(labels[..., None] > 0, 60, 170).repeat(3, axis=2).astype(np.uint8)
        cv2.imwrite(str(root / 'tools/frames' / f't_{index}.jpg'), rgb)
        write_label_png(root / 'tools/masks' / f't_{index}.png', labels, label_palette())
        view = (rng.uniform(90, 200, (9, 9, 1)) * (0.5, 0.55, 1)).astype(np.uint8)
        view = cv2.resize(view, (160, 120), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(root / 'views/frames' / f'v_{index}.jpg'), view)
    return root


def config_of(data_root, **changes):
    held_out = {**COMPOSED, 'hold_out': 'valid'}
    values = {
        'task': 'detector',
        'model': 'models/surgsam2_nano_320.yaml',
        'data': [COMPOSED],
        'empty': [{**COMPOSED, 'pieces': 0.5}],
        'validation': [held_out],
        'validation_empty': [held_out],
        'validation_pictures': 3,
        'data_root': str(data_root),
        'steps': 3,
        'pictures_per_step': 4,
        'fresh_per_step': 2,
        'pool': 4,
    }
    return detector_config({**values, **changes}, REPO)


def test_a_training_leaves_weights_that_fit_its_network(data_root, tmp_path):
    terms = []
    train_detector(config_of(data_root), tmp_path, report=lambda s: terms.append(s.terms))
    assert sum(bool(one) for one in terms) == 3
    assert all(np.isfinite(value) for one in terms for value in one.values())
    path = tmp_path / 'last.safetensors'
    load_detector(path, load_network(REPO / 'models' / 'surgsam2_nano_320.yaml'))
    with safe_open(path, 'pt') as file:
        assert file.metadata()['steps'] == '3'
    with pytest.raises(OutputFolderError, match='--resume'):
        train_detector(config_of(data_root), tmp_path)
    with pytest.raises(OutputFolderError, match='pool'):
        train_detector(config_of(data_root, pool=8), tmp_path, resume=True)


def test_a_resumed_training_goes_on_as_if_nothing_had_happened(data_root, tmp_path):
    once, twice = tmp_path / 'once', tmp_path / 'twice'
    once.mkdir(), twice.mkdir()
    whole = DetectorRun(config_of(data_root), once)
    whole.to_end()
    first = DetectorRun(config_of(data_root), twice)
    draws = first._draws()
    for _ in range(2):
        first.step(*next(draws))
    first.save()
    second = DetectorRun(config_of(data_root), twice)
    second.restore()
    second.to_end()
    for name, tensor in whole.detector.state_dict().items():
        other = second.detector.state_dict()[name]
        assert torch.allclose(tensor.float(), other.float(), atol=1e-5), name


def test_the_network_stays_as_it_is_and_the_head_learns(data_root, tmp_path):
    run = DetectorRun(config_of(data_root, learning_rate=0.01, warmup=0.0), tmp_path)
    before = {name: tensor.clone() for name, tensor in run.network.state_dict().items()}
    head = run.detector.predict.weight.detach().clone()
    run.step(*next(run._draws()))
    assert all(torch.equal(before[name], t) for name, t in run.network.state_dict().items())
    assert not torch.equal(run.detector.predict.weight, head)


def test_pictures_show_instruments_or_none_in_the_share_that_is_asked_for(data_root):
    config = config_of(data_root, empty_share=0.5)
    pictures = DetectorPictures(
        config.data,
        config.empty,
        config.empty_share,
        config.augmentation,
        size=64,
        root=config.root,
        data_root=config.data_root,
    )
    drawn = [pictures.draw(np.random.default_rng(seed)) for seed in range(40)]
    shown = [bool(targets[Channel.COVERAGE].any()) for _, targets in drawn]
    assert 10 < sum(shown) < 30
    for (image, targets), any_shown in zip(drawn, shown, strict=True):
        assert image.shape == (3, 64, 64)
        assert bool((targets[Channel.HEAT] == 1).any()) == any_shown
    again, _ = pictures.draw(np.random.default_rng(0))
    assert np.array_equal(again, drawn[0][0])


def test_tissue_that_is_left_out_is_neither_drawn_nor_written(data_root, tmp_path):
    source = {**COMPOSED, 'hold_out': 'valid', 'leave_out': ['v_0', 'v_3']}
    write_tissue(config_of(data_root, validation_empty=[source]), tmp_path, drawn=2)
    stills, seen, drawn = (sorted((tmp_path / n).iterdir()) for n in ('stills', 'seen', 'drawn'))
    assert [path.name for path in stills] == ['views_v_9.jpg']
    assert [path.stem[-3:] for path in seen] == ['v_1', 'v_2', *(f'v_{n}' for n in range(4, 9))]
    assert len(drawn) == 2


def test_the_pool_gives_back_the_newest_pictures(tmp_path):
    pool = FeaturePool(tmp_path / 'pool', 3, 4, 8)
    for number in range(5):
        value = float(number)
        shapes = (1, 1, 8, 8), (1, 4, 4, 4), (1, len(Channel), 8, 8)
        pool.put(number, *(torch.full(shape, value) for shape in shapes))
    stride8, stride16, targets = pool.draw(np.random.default_rng(0), 50, 5)
    assert set(stride8[:, 0, 0, 0].tolist()) == {2.0, 3.0, 4.0}
    for part in (stride16, targets):
        assert torch.equal(part.flatten(1)[:, 0], stride8[:, 0, 0, 0])


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'steps': None}, 'exactly one'),
        ({'fresh_per_step': 8}, 'fresh_per_step 8'),
        ({'empty_share': 1.0}, 'empty_share'),
        ({'empty': []}, 'empty is empty'),
        ({'task': 'tracker'}, "task 'tracker'"),
        ({'rate': 1}, "unknown field 'rate'"),
    ],
)
def test_impossible_settings_are_named(data_root, changes, words):
    with pytest.raises(TrainingConfigError, match=words):
        config_of(data_root, **changes)


def test_the_shipped_settings_can_be_read_and_train_on_no_held_out_picture():
    values, root = read_settings(REPO / 'config' / 'training' / 'nano_320_detector.yaml')
    config = detector_config(values, root)
    assert root == REPO
    assert {source.hold_out for source in (*config.data, *config.empty)} == {'train'}
    assert {s.hold_out for s in (*config.validation, *config.validation_empty)} == {'valid'}
