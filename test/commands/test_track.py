# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 track` without ROS, and what the command line does with wrong input."""

from __future__ import annotations

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

from surgsam2_ros.cli import create_parser, main
from surgsam2_ros.drawing import label_palette
from surgsam2_ros.sources import open_source, read_label_png, write_label_png

HEIGHT, WIDTH = 96, 128


@pytest.fixture(name='checkpoint', scope='session')
def _checkpoint(tmp_path_factory):
    pytest.importorskip('torch')
    from node_processes import write_random_checkpoint

    return write_random_checkpoint(tmp_path_factory.mktemp('weights') / 'random.safetensors')


@pytest.fixture(name='clip')
def _clip(tmp_path):
    folder = tmp_path / 'clip'
    folder.mkdir()
    for index in range(3):
        image = np.full((HEIGHT, WIDTH, 3), 80, np.uint8)
        image[30:60, 20 + index : 50 + index] = 220
        cv2.imwrite(str(folder / f'shot_{index + 8}.png'), image)
    return folder


@pytest.fixture(name='labels')
def _labels(tmp_path):
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[30:60, 20:50], labels[70:90, 90:120] = 4, 9
    write_label_png(tmp_path / 'first.png', labels, label_palette())
    return tmp_path / 'first.png'


def test_label_images_keep_names_and_values_of_the_prompts(
    clip, labels, checkpoint, tmp_path, capsys
):
    output, video = tmp_path / 'out', tmp_path / 'overlay.mp4'
    arguments = ['track', '--input', clip, '--prompts', labels, '--output', output]
    arguments += ['--checkpoint', checkpoint, '--device', 'cpu', '--overlay', video]
    assert main([str(argument) for argument in arguments]) == 0
    assert sorted(p.name for p in output.iterdir()) == ['shot_10.png', 'shot_8.png', 'shot_9.png']
    first = read_label_png(output / 'shot_8.png')
    assert first.shape == (HEIGHT, WIDTH)
    assert set(np.unique(first)) == {0, 4, 9}
    assert (first == read_label_png(labels)).mean() > 0.95, 'the prompted frame keeps its masks'
    for path in output.iterdir():
        assert set(np.unique(read_label_png(path))) <= {0, 4, 9}
    with open_source(video) as source:
        assert [frame.rgb.shape for frame in source] == [(HEIGHT, WIDTH, 3)] * 3
    assert 'frames/s' in capsys.readouterr().out


def test_boxes_and_points_from_json(clip, checkpoint, tmp_path):
    objects = [
        {'object_id': 'driver', 'box': [20, 30, 50, 60]},
        {'object_id': 'scissors', 'points': [[100, 80]]},
    ]
    prompts = tmp_path / 'prompts.json'
    prompts.write_text(json.dumps({'objects': objects}))
    arguments = ['track', '--input', clip, '--prompts', prompts, '--output', tmp_path / 'out']
    assert main([str(a) for a in (*arguments, '--checkpoint', checkpoint)]) == 0
    for path in (tmp_path / 'out').iterdir():
        assert set(np.unique(read_label_png(path))) <= {0, 1, 2}


@pytest.mark.parametrize(
    ('changes', 'complaint'),
    [
        ({'--input': 'nowhere'}, 'nowhere does not exist'),
        ({'--prompts': 'nowhere.png'}, 'nowhere.png does not exist'),
        ({'--model': 'sam9'}, "no model 'sam9'; the package has"),
        ({'--checkpoint': 'nowhere.pt'}, 'checkpoint nowhere.pt does not exist'),
        ({'--device': 'cuda:77'}, "device 'cuda:77'"),
        ({'--topic': '/image'}, 'is not a bag'),
        ({'--output': 'CLIP'}, 'is the input'),
        ({'--output': 'LABELS'}, 'is a file'),
    ],
)
def test_wrong_input_is_one_line_and_changes_nothing(
    clip, labels, tmp_path, capsys, changes, complaint
):
    options = {'--input': clip, '--prompts': labels, '--output': tmp_path / 'out', **changes}
    places = {'CLIP': clip, 'LABELS': labels}
    arguments = [str(places.get(part, part)) for pair in options.items() for part in pair]
    before = sorted(path.name for path in clip.iterdir())
    assert main(['track', *arguments]) == 1
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1
    assert complaint in error[0]
    assert sorted(path.name for path in clip.iterdir()) == before


def test_the_command_line_answers_without_heavy_imports():
    code = (
        'import sys; from surgsam2_ros.cli import create_parser; create_parser();'
        "heavy = {'torch', 'cv2', 'numpy', 'rclpy', 'rosbags'} & set(sys.modules);"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, '-c', code], check=True)


@pytest.mark.parametrize(
    'command',
    [
        'demo',
        'track',
        'detect',
        'evaluate',
        'score',
        'compare',
        'bag',
        'dataset',
        'train',
        'render',
    ],
)
def test_every_command_is_there_with_help(command, capsys):
    with pytest.raises(SystemExit) as ended:
        create_parser().parse_args([command, '--help'])
    assert ended.value.code == 0
    assert command in capsys.readouterr().out


def test_an_unexpected_error_shows_where_it_arose(monkeypatch, capsys):
    def fail(_arguments):
        raise ZeroDivisionError('seven')

    monkeypatch.setattr('surgsam2_ros.commands.bag.run_info', fail)
    assert main(['bag', 'info', 'x']) == 1
    error = capsys.readouterr().err
    assert 'Traceback' in error
    assert 'surgsam2: error: seven' in error
