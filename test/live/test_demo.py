# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The demo with the real node in a process of its own: nothing lost, headers kept, measured."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('torch')

from node_processes import write_random_checkpoint
from recorded_bag import FRAMES, IMAGES, TRUTH, write_recorded_bag
from repository import REPO

from surgsam2_ros.cli import main
from surgsam2_ros.commands.demo.scenes import scene_bag
from surgsam2_ros.live.demo_prompts import index_images, prompts_from_truth
from surgsam2_ros.live.demo_scenes import SCENES
from surgsam2_ros.sources import BagReader, BagWriter, open_source, peek_header

START_NS = 1_600_000_000_123_456_789
PERIOD_NS = 66_666_667
HEIGHT, WIDTH = 96, 128
NANO = REPO / 'models' / 'surgsam2_nano_320.safetensors'
# One thread: what is tested does not depend on speed, and machines that run tests are busy.
CALM = {'OMP_NUM_THREADS': '1'}


def truth(index: int) -> np.ndarray:
    """Object 3 from the start; object 5 slides in from the right, a sliver at first."""
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[20:50, 20 + index : 60 + index] = 3
    visible = max(0, index - 2) * 6
    if index == 2:
        visible = 1
    labels[60 : 60 + (5 if index == 2 else 25), WIDTH - visible :] = 5
    return labels


@pytest.fixture(name='bag')
def _bag(tmp_path):
    with BagWriter(tmp_path / 'scene.mcap') as bag:
        for index in range(8):
            rgb = np.full((HEIGHT, WIDTH, 3), 80, np.uint8)
            rgb[truth(index) > 0] = (200, 210, 220)
            stamp = {'stamp_ns': START_NS + index * PERIOD_NS, 'frame_id': f'camera_{index % 2}'}
            bag.write_image('/left/image_raw', rgb, encoding='rgb8', **stamp)
            bag.write_image('/left/truth', truth(index), encoding='mono8', **stamp)
    return tmp_path / 'scene.mcap'


@pytest.fixture(name='recorded')
def _recorded(tmp_path):
    """Give the arguments that name the clip of photographed instruments."""
    bag = write_recorded_bag(tmp_path / 'recorded.mcap')
    return '--bag', bag, '--image-topic', IMAGES, '--truth-topic', TRUTH


@pytest.fixture(name='checkpoint', scope='session')
def _checkpoint(tmp_path_factory):
    return write_random_checkpoint(tmp_path_factory.mktemp('weights') / 'random.safetensors')


@pytest.fixture(name='run_demo')
def _run_demo(start_process, tmp_path, ros_domain):
    """Give a function that runs the demo to its end: (exit status, its output, summary or None)."""

    def run(*arguments):
        output = tmp_path / 'demo'
        command = [sys.executable, '-m', 'surgsam2_ros.cli', 'demo', '--output', output]
        command += ['--domain-id', str(ros_domain), *arguments]
        process = start_process(command, name='demo', env=CALM)
        status = process.wait(240)
        summary = output / 'summary.json'
        return status, process.output, json.loads(summary.read_text()) if summary.exists() else None

    return run


def test_a_bag_goes_through_the_node_and_nothing_is_lost(bag, checkpoint, run_demo, tmp_path):
    status, shown, summary = run_demo(
        *('--bag', bag, '--truth-topic', '/left/truth'),
        *('--checkpoint', checkpoint, '--rate', '2', '--device', 'cpu'),
    )
    assert status == 0, shown
    assert list(summary) == [
        *('model', 'frames_in', 'frames_out', 'frames_dropped', 'rate_hz'),
        *('latency_ms', 'inference_ms', 'objects', 'mean_iou'),
    ]
    assert summary['model'] == 'surgsam2_nano_320'
    assert (summary['frames_in'], summary['frames_out'], summary['frames_dropped']) == (8, 8, 0)
    assert summary['rate_hz'] == pytest.approx(2, rel=0.05)
    for name in ('latency_ms', 'inference_ms'):
        assert list(summary[name]) == ['p50', 'p95', 'p99', 'max']
        assert 0 < summary[name]['p50'] <= summary[name]['max']
    assert summary['inference_ms']['p50'] < summary['latency_ms']['p50']
    first, second = summary['objects']
    assert (first['object_id'], first['frames']) == ('instrument_3', 7)
    assert (second['object_id'], second['frames']) == ('instrument_5', 4), 'prompted at image 3'
    assert sum(first['states'].values()) == 8
    assert sum(second['states'].values()) == 5
    assert summary['mean_iou'] == pytest.approx(
        (first['mean_iou'] + second['mean_iou']) / 2, abs=1e-3
    )
    assert 'instrument_3' in shown

    demo = tmp_path / 'demo'
    with BagReader(demo / 'tracks.mcap') as recording, BagReader(bag) as original:
        images = list(recording.messages(['/left/image_raw']))
        assert [m.data for m in images] == [m.data for m in original.messages(['/left/image_raw'])]
        for topic in ('/surgsam2/tracks', '/surgsam2/label_image'):
            headers = [peek_header(m.data) for m in recording.messages([topic])]
            assert headers == [peek_header(m.data) for m in images], topic
        assert 'MSG: surgsam2_msgs/Track' in recording.definition('surgsam2_msgs/msg/TrackArray')[0]
        prompted = recording.deserialize(next(recording.messages(['/surgsam2/tracks'])))
        assert [t.object_id for t in prompted.tracks] == ['instrument_3']
        assert prompted.tracks[0].area == pytest.approx((truth(0) == 3).sum(), rel=0.2)
    with open_source(demo / 'overlay.mp4') as video:
        assert len(video) == 8
    assert cv2.imread(str(demo / 'contact_sheet.png')).shape[0] > HEIGHT


def test_prompts_from_a_file_are_matched_to_the_truth_by_overlap(
    bag, checkpoint, run_demo, tmp_path
):
    prompts = tmp_path / 'prompts.json'
    objects = [{'object_id': 'driver', 'class_name': 'needle driver', 'box': [20, 20, 60, 50]}]
    prompts.write_text(json.dumps({'objects': objects}))
    status, shown, summary = run_demo(
        *('--bag', bag, '--image-topic', '/left/image_raw', '--prompts', prompts),
        *('--checkpoint', checkpoint, '--rate', '3', '--minimum-iou', '0.5'),
    )
    assert status == 1
    assert 'mean_iou is None, below 0.5' in shown
    assert summary['mean_iou'] is None
    assert [entry['object_id'] for entry in summary['objects']] == ['driver']


def test_without_a_bag_both_scenes_are_shown_the_composed_one_first(checkpoint, run_demo, tmp_path):
    """Short scenes stand in, which are made as the long ones are and lie where those would."""
    for name, scene in SCENES.items():
        folder = tmp_path / 'demo' / name
        scene_bag(replace(scene, seconds=5 / scene.rate_hz), folder)
    status, shown, summary = run_demo('--checkpoint', checkpoint, '--rate', '2')
    assert status == 0, shown
    assert list(summary['scenes']) == ['composed', 'rendered']
    for name in SCENES:
        folder = tmp_path / 'demo' / name
        assert json.loads((folder / 'summary.json').read_text()) == summary['scenes'][name]
        assert summary['scenes'][name]['frames_out'] == 5
        assert len(summary['scenes'][name]['objects']) == 2
        for file in ('overlay.mp4', 'contact_sheet.png', 'tracks.mcap', 'node.log'):
            assert (folder / file).stat().st_size, (name, file)


@pytest.mark.slow
@pytest.mark.skipif(not NANO.exists(), reason='the trained weights are not in models/')
def test_the_composed_scene_is_tracked(run_demo):
    status, shown, summary = run_demo('--scene', 'composed', '--rate', '5', '--minimum-iou', '0.4')
    assert status == 0, shown
    (composed,) = summary['scenes'].values()
    assert composed['frames_out'] == 150
    assert [entry['frames'] for entry in composed['objects']] == [149, 149]


@pytest.mark.skipif(not NANO.exists(), reason='the trained weights are not in models/')
def test_two_photographed_instruments_are_tracked(recorded, run_demo):
    status, shown, summary = run_demo(*recorded, '--rate', '8', '--minimum-iou', '0.75')
    assert status == 0, shown
    assert summary['frames_out'] == FRAMES
    assert len(summary['objects']) == 2


@pytest.mark.skipif(not NANO.exists(), reason='the trained weights are not in models/')
def test_two_photographed_instruments_are_found_by_themselves(recorded, run_demo):
    arguments = ('--discover', *recorded, '--rate', '8', '--minimum-iou', '0.6')
    status, shown, summary = run_demo(*arguments)
    assert status == 0, shown
    assert [entry['object_id'] for entry in summary['objects']] == ['found_1', 'found_2']
    assert ', no prompts' in shown


def test_a_node_that_cannot_be_configured_ends_the_demo_with_its_reason(bag, run_demo, tmp_path):
    (tmp_path / 'bad.safetensors').write_bytes(b'no weights')
    status, shown, summary = run_demo(
        *('--bag', bag, '--image-topic', '/left/image_raw', '--truth-topic', '/left/truth'),
        *('--checkpoint', tmp_path / 'bad.safetensors'),
    )
    assert status == 1
    assert summary is None
    assert 'bad.safetensors' in shown
    assert 'Traceback' not in shown


def test_a_node_that_dies_ends_the_demo_with_the_end_of_its_log(bag, run_demo):
    status, shown, _ = run_demo('--bag', bag, '--truth-topic', '/left/truth', '--device', 'toaster')
    assert status == 1
    assert 'the node ended with status 78' in shown
    assert 'toaster' in shown.split('the end of')[1]


@pytest.mark.parametrize(
    ('arguments', 'complaint'),
    [
        (['--rate', '0'], 'is impossible'),
        (['--bag', 'nowhere.mcap'], 'nowhere.mcap does not exist'),
        (['--bag', 'BAG', '--scene', 'composed'], 'exclude each other'),
        (['--prompts', 'first.json'], 'say which by --scene or --bag'),
        (['--bag', 'BAG'], 'several image topics'),
        (['--bag', 'BAG', '--image-topic', '/left/image_raw'], 'nothing says which objects'),
        (
            ['--bag', 'BAG', '--image-topic', '/left/image_raw', '--truth-topic', '/no'],
            'no topic /no; it has /left/image_raw',
        ),
        (
            ['--bag', 'BAG', '--image-topic', '/left/truth', '--truth-topic', '/left/image_raw'],
            "must be mono8, 8UC1, mono16, 16UC1, this one is 'rgb8'",
        ),
    ],
)
def test_input_that_cannot_be_replayed_is_one_line(
    bag, tmp_path, capsys, monkeypatch, arguments, complaint
):
    monkeypatch.setenv('ROS_DOMAIN_ID', '99')
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    arguments = [str(bag) if a == 'BAG' else a for a in arguments]
    assert main(['demo', '--output', str(tmp_path / 'demo'), *arguments]) == 1
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1
    assert complaint in error[0]


def test_objects_are_prompted_where_enough_of_them_is_seen(bag):
    with BagReader(bag) as reader:
        headers, rate_hz = index_images(reader, '/left/image_raw')
        schedule = prompts_from_truth(reader, '/left/truth', headers)
    assert rate_hz == pytest.approx(15)
    assert [due.stamp_ns for due in schedule] == [START_NS, START_NS + 3 * PERIOD_NS]
    assert [due.frame_id for due in schedule] == ['camera_0', 'camera_1']
    assert [p.object_id for due in schedule for p in due.prompts] == [
        'instrument_3',
        'instrument_5',
    ]
    np.testing.assert_array_equal(schedule[1].prompts[0].mask, truth(3) == 5)
