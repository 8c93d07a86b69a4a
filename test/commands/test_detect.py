# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 detect` on small folders, and what it does with wrong arguments."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from repository import REPO

from surgsam2_ros.cli import main
from surgsam2_ros.drawing import label_palette
from surgsam2_ros.sources import open_source, write_label_png
from surgsam2_ros.synthesis import render_clip

pytest.importorskip('torch')
SIZE = 160


@pytest.fixture(name='data_set', scope='module')
def _data_set(tmp_path_factory):
    """Give a data set of one rendered clip of three frames."""
    root = tmp_path_factory.mktemp('data')
    images, labels = render_clip(np.random.default_rng(5), 3, SIZE)
    for part in ('JPEGImages', 'Annotations'):
        (root / part / 'clip').mkdir(parents=True)
    for index in range(3):
        picture = str(root / 'JPEGImages' / 'clip' / f'f_{index}.png')
        cv2.imwrite(picture, images[index][..., ::-1])
        path = root / 'Annotations' / 'clip' / f'f_{index}.png'
        write_label_png(path, labels[index], label_palette())
    return root


def detect(*arguments):
    return main(['detect', '--device', 'cpu', *map(str, arguments)])


def test_a_folder_gives_pictures_and_a_list(data_set, tmp_path, capsys):
    clip, output = data_set / 'JPEGImages' / 'clip', tmp_path / 'out'
    assert detect('--input', clip, '--output', output, '--min-score', 0.05) == 0
    assert sorted(p.name for p in output.glob('*.png')) == ['f_0.png', 'f_1.png', 'f_2.png']
    assert cv2.imread(str(output / 'f_0.png')).shape == (SIZE, SIZE, 3)
    listed = json.loads((output / 'detections.json').read_text())
    assert [entry['frame'] for entry in listed] == ['f_0', 'f_1', 'f_2']
    found = [one for entry in listed for one in entry['instruments']]
    assert found
    for one in found:
        left, top, right, bottom = one['box']
        assert 0 <= left < right <= SIZE
        assert 0 <= top < bottom <= SIZE
        assert 0.05 <= one['score'] <= 1
    assert f'3 frames, {len(found)} instruments, surgsam2_nano_320' in capsys.readouterr().out


@pytest.mark.parametrize('name', ['found.json', 'sheet.png', 'found.mp4'])
def test_the_name_of_the_output_says_what_is_written(data_set, tmp_path, name):
    clip, output = data_set / 'JPEGImages' / 'clip', tmp_path / 'new' / name
    assert detect('--input', clip, '--output', output, '--every', 2) == 0
    if output.suffix == '.json':
        assert [entry['frame'] for entry in json.loads(output.read_text())] == ['f_0', 'f_2']
    elif output.suffix == '.mp4':
        with open_source(output) as source:
            assert len(source) == 2
    else:
        height, width, _ = cv2.imread(str(output)).shape
        assert width > 1.5 * height > 0, 'two frames lie side by side'
    assert [path.name for path in output.parent.iterdir()] == [name]


def test_a_single_image_without_an_output_is_told_in_a_line(data_set, capsys):
    assert detect('--input', data_set / 'JPEGImages' / 'clip' / 'f_1.png') == 0
    assert capsys.readouterr().out.startswith('f_1: ')


def test_measuring_writes_what_it_tells(data_set, tmp_path, capsys):
    tissue, report = tmp_path / 'tissue', tmp_path / 'report.json'
    tissue.mkdir()
    for number in range(2):
        picture = np.full((SIZE, SIZE, 3), (90, 110, 190 + number), np.uint8)
        cv2.imwrite(str(tissue / f'{number}.png'), picture)
    arguments = ('--truth', data_set, '--tissue', tissue, '--json', report)
    assert detect(*arguments, '--min-score', 0.2) == 0
    told = json.loads(report.read_text())
    assert told['min_score'] == 0.2
    (scores,) = told['truth'].values()
    assert scores['frames'] == scores['videos']['clip']['frames'] == 3
    assert scores['boxes']['instruments'] >= 3
    assert told['tissue']['tissue']['pictures'] == 2
    assert 'AP50' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        ((), 'give either --input, or --truth'),
        (('--input', 'a', '--truth', 'b'), 'give either'),
        (('--input', 'CLIP', '--every', '0'), '--every 0'),
        (('--input', 'CLIP', '--output', 'CLIP'), 'is the input'),
        (('--input', 'CLIP', '--output', 'found.txt'), 'no known kind'),
        (('--input', 'CLIP', '--detector', 'none.safetensors'), 'do not exist'),
        (('--input', 'CLIP', '--model', 'surgsam2_nano'), 'surgsam2_nano_detector.safetensors'),
        (('--input', 'nowhere'), 'nowhere does not exist'),
    ],
)
def test_wrong_arguments_are_named(data_set, arguments, words, capsys):
    clip = str(data_set / 'JPEGImages' / 'clip')
    assert detect(*(clip if argument == 'CLIP' else argument for argument in arguments)) == 1
    assert words in capsys.readouterr().err


def test_weights_of_another_network_are_refused(data_set, capsys):
    weights = REPO / 'models' / 'surgsam2_nano_320_detector.safetensors'
    clip = data_set / 'JPEGImages' / 'clip'
    assert detect('--input', clip, '--model', 'surgsam2_nano', '--detector', weights) == 1
    assert 'another network' in capsys.readouterr().err
