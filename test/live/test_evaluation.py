# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Evaluation through the real node: what was dropped, how late results were, what was corrected."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import yaml

pytest.importorskip('rclpy')
pytest.importorskip('torch')

from evaluation_data import write_detector
from node_processes import HEIGHT, WIDTH, make_header, write_random_checkpoint
from rclpy.serialization import serialize_message
from repository import REPO
from sensor_msgs.msg import Image, RegionOfInterest

from surgsam2_msgs.msg import Track, TrackArray
from surgsam2_ros.discovery import DiscoverySettings
from surgsam2_ros.drawing import label_palette
from surgsam2_ros.evaluation.metrics.overlap import jaccard
from surgsam2_ros.evaluation.runs.inputs import open_videos
from surgsam2_ros.evaluation.runs.prompting import PromptSettings, first_prompts
from surgsam2_ros.evaluation.runs.settings import Discovery, NetworkChoice, RunSettings
from surgsam2_ros.evaluation.runs.tracker_run import run_video
from surgsam2_ros.live import LiveError
from surgsam2_ros.live.evaluation import check_node_settings, run_video_through_node
from surgsam2_ros.live.node_settings import live_parameters
from surgsam2_ros.live.operator import MOST_ATTEMPTS, Operator
from surgsam2_ros.network import load_config, load_network
from surgsam2_ros.nodes.messages.images import decode_image_message, make_label_image
from surgsam2_ros.nodes.tracker.parameters import Parameters, parameter_schema
from surgsam2_ros.sources import BagWriter, read_label_png, write_label_png
from surgsam2_ros.tracking import TrackerConfig

START_NS = 1_600_000_000_123_456_789
PERIOD_NS = 100_000_000
FRAMES = 10


def truth(index: int) -> np.ndarray:
    """Object 5 from image 1 on; object 3 joins in image 3."""
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    if index >= 1:
        labels[20:50, 20 + index : 60 + index] = 5
    if index >= 3:
        labels[60:85, 80:110] = 3
    return labels


def picture(index: int) -> np.ndarray:
    rgb = np.full((HEIGHT, WIDTH, 3), 80, np.uint8)
    rgb[truth(index) > 0] = (200, 210, 220)
    return rgb


@pytest.fixture(name='bag', scope='module')
def _bag(tmp_path_factory):
    path = tmp_path_factory.mktemp('bag') / 'scene.mcap'
    with BagWriter(path) as bag:
        for index in range(FRAMES):
            stamp = {'stamp_ns': START_NS + index * PERIOD_NS, 'frame_id': f'camera_{index % 2}'}
            bag.write_image('/left/image_raw', picture(index), encoding='rgb8', **stamp)
            bag.write_image('/left/truth', truth(index), encoding='mono8', **stamp)
    return path


@pytest.fixture(name='folder', scope='module')
def _folder(tmp_path_factory):
    """Give a data set with one video of 40 frames, in which object 3 is there from the start."""
    root = tmp_path_factory.mktemp('folder')
    images, labels = root / 'JPEGImages' / 'case', root / 'Annotations' / 'case'
    for path in (images, labels):
        path.mkdir(parents=True)
    for index in range(40):
        write_label_png(images / f'{index:05d}.png', truth(3), label_palette())
        write_label_png(labels / f'{index:05d}.png', truth(3), label_palette())
    return root


@pytest.fixture(name='choice', scope='module')
def _choice(tmp_path_factory):
    weights = write_random_checkpoint(tmp_path_factory.mktemp('weights') / 'random.safetensors')
    return NetworkChoice(REPO / 'models' / 'surgsam2_nano_320.yaml', weights)


@pytest.fixture(autouse=True)
def _calm_and_own_domain(monkeypatch, ros_domain):
    """Restore the environment that a replay changes; one thread, since tests share the machine."""
    monkeypatch.setenv('ROS_DOMAIN_ID', str(ros_domain))
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    monkeypatch.setenv('OMP_NUM_THREADS', '1')


def bag_video(bag):
    return open_videos(bag, image_topic='/left/image_raw', truth_topic='/left/truth')[0]


def test_a_bag_goes_through_the_node_with_its_own_headers_at_the_rate_asked_for(
    bag, choice, tmp_path
):
    video, tracker = bag_video(bag), tmp_path / 'tracker'
    published = []
    record = run_video_through_node(
        video,
        choice,
        RunSettings(PromptSettings('box', correct_every=2)),
        tmp_path,
        rate_hz=2,
        on_progress=lambda done, total: published.append((done, total)),
    )
    assert sorted(set(published)) == [(done, FRAMES) for done in range(1, FRAMES + 1)]
    assert (record.video, record.through, record.error) == ('scene', 'node', None)
    assert record.image_topic == '/left/image_raw'
    assert record.stamps_ns == [START_NS + index * PERIOD_NS for index in range(FRAMES)]
    assert record.live['MEAN_PLAYBACK_FRAME_RATE'] == pytest.approx(2, rel=0.1)

    lost = [index for index, latency in enumerate(record.latency_ms) if latency is None]
    assert record.dropped == lost
    assert record.live['NUM_MISSED_FRAMES'] == len(lost) < FRAMES / 2, 'two images a second'
    known = [latency for latency in record.latency_ms if latency is not None]
    assert record.live['MAX_LATENCY'] == pytest.approx(max(known), abs=0.001)
    assert all(
        inference < latency
        for inference, latency in zip(record.inference_ms, record.latency_ms, strict=True)
        if latency is not None
    )
    assert 0 < record.live['CPU'] < 1000
    assert record.live['RESIDENT_MEMORY'] > 100

    joined, first = record.objects
    assert (joined.object_id, joined.first_frame) == (3, 3)
    assert (first.object_id, first.first_frame) == (5, 1)
    assert joined.iou[:3] == [None] * 3, 'not prompted yet'
    assert first.truth_area == [0] + [1200] * (FRAMES - 1)
    for index in range(FRAMES):
        assert (first.iou[index] is None) == (index in lost or index == 0)
        png = tmp_path / 'scene' / '005' / f'{index:05d}.png'
        assert png.exists() == (first.iou[index] is not None)
        if png.exists():
            assert np.count_nonzero(read_label_png(png) == 5) == first.area[index]
    corrected = [index for index, given in enumerate(first.prompted) if given][1:]
    assert corrected, 'every second frame, after half a second each'
    assert not set(corrected) & set(lost)
    # Until something was dropped or corrected, the node has seen what the tracker sees.
    alike = min([*lost, corrected[0] + 1])
    settings = RunSettings(PromptSettings('box'))
    run_video(video, load_network(choice.config, checkpoint=choice.checkpoint), settings, tracker)
    for index in range(1, alike):
        png = Path('scene', 'all', f'{index:05d}.png')
        masks = [read_label_png(folder / png) == 5 for folder in (tmp_path, tracker)]
        assert jaccard(*masks) > 0.99
    assert 'active' in (tmp_path / 'records' / 'node' / 'scene' / 'node.log').read_text()
    assert not list(tmp_path.rglob('*.mcap')), 'results are kept as label images and records'


def test_images_that_come_too_fast_are_dropped_and_scored_as_nothing(folder, choice, tmp_path):
    video = open_videos(folder)[0]
    labels = tmp_path / 'node'
    record = run_video_through_node(
        video, choice, RunSettings(), tmp_path, labels=labels, rate_hz=400
    )
    assert record.stamps_ns is None
    assert record.image_topic is None
    assert len(record.dropped) == record.live['NUM_MISSED_FRAMES'] > 0
    answered = [index for index in range(40) if index not in record.dropped]
    assert answered[-1] == 39, 'the newest image always gets its turn'
    for index in record.dropped:
        assert record.objects[0].iou[index] is None
        assert record.objects[0].truth_area[index] == 25 * 30
    assert sorted(p.stem for p in (labels / 'case' / 'all').iterdir()) == [
        f'{index:05d}' for index in answered
    ]


def test_a_node_that_finds_instruments_by_itself_is_scored_by_what_it_found(
    folder, choice, tmp_path
):
    network = load_network(choice.config, checkpoint=choice.checkpoint)
    detector = write_detector(tmp_path / 'detector.safetensors', network)
    settings = RunSettings(
        PromptSettings('none'),
        discovery=Discovery(DiscoverySettings('own', confirm_frames=2), detector),
    )
    labels = tmp_path / 'node'
    record = run_video_through_node(
        open_videos(folder)[0], choice, settings, tmp_path, labels=labels, rate_hz=10
    )
    assert record.discovery['tracks'] >= 1
    tracked = [*record.objects, *record.others]
    assert not any(any(entry.prompted) for entry in tracked)
    seen = [any(entry.state[index] for entry in tracked) for index in range(40)]
    assert seen.index(True) >= 2, 'two images must show it first'
    for index, overlap in enumerate(record.binary_iou):
        png = labels / 'case' / 'all' / f'{index:05d}.png'
        assert png.exists() == (overlap is not None) == (index not in record.dropped)
        if png.exists():
            assert overlap == pytest.approx(jaccard(read_label_png(png) > 0, truth(3) > 0))


def test_a_node_that_cannot_start_is_an_error_with_the_end_of_its_log(folder, choice, tmp_path):
    broken = tmp_path / 'broken.safetensors'
    broken.write_bytes(b'no weights')
    choice = dataclasses.replace(choice, checkpoint=broken)
    with pytest.raises(LiveError, match=r'broken\.safetensors') as caught:
        run_video_through_node(open_videos(folder)[0], choice, RunSettings(), tmp_path)
    assert 'the end of' in str(caught.value)


def test_a_rate_that_is_impossible_is_refused(folder, choice, tmp_path):
    with pytest.raises(LiveError, match='--rate 0 is impossible'):
        run_video_through_node(open_videos(folder)[0], choice, RunSettings(), tmp_path, rate_hz=0)


def test_what_the_node_cannot_do_is_refused_at_the_start(choice):
    with pytest.raises(LiveError, match='leave out --one-at-a-time'):
        check_node_settings(choice, RunSettings(jointly=False))


def test_the_node_is_told_to_do_what_the_tracker_does(choice, tmp_path):
    changed = dataclasses.replace(choice, changes=(('image_size', 128),))
    tracker = TrackerConfig(num_frame_to_prune=1, protect_prompted_frames=True, mask_threshold=0.5)
    parameters = live_parameters(
        changed, RunSettings(tracker=tracker), tmp_path, objects=12, compressed=True
    )
    assert load_config(parameters['model.config']) == changed.network_config()
    assert parameters['model.checkpoint'] == str(choice.checkpoint)
    with (REPO / 'surgsam2_ros' / 'nodes' / 'tracker' / 'parameters.yaml').open() as file:
        defaults = {name: entry['default'] for name, entry in yaml.safe_load(file).items()}
    told = Parameters.from_values(defaults | parameters).to_tracker_config()
    buffered = defaults['tracking.prompt_buffer_frames']
    assert told == dataclasses.replace(
        tracker, num_maskmem=7, max_objects=12, replay_frames=buffered
    )
    assert parameters['input.policy'] == 'latest'
    assert parameters['input.transport'] == 'compressed'
    assert told_discovery(parameters).source == 'off'


def test_the_node_is_told_how_to_find_instruments(choice, tmp_path):
    wanted = DiscoverySettings('own', min_score=0.3, end_after_s=9.0)
    settings = RunSettings(discovery=Discovery(wanted, tmp_path / 'head.safetensors'))
    parameters = live_parameters(choice, settings, tmp_path, objects=0, compressed=False)
    assert told_discovery(parameters) == wanted
    assert parameters['model.detector'] == str(tmp_path / 'head.safetensors')


def told_discovery(parameters):
    """Return what a node with these parameters does about instruments that nobody prompts."""
    defaults = {name: spec.default for name, spec in parameter_schema().items()}
    return Parameters.from_values(defaults | parameters).discovery


class TestOperator:
    """Prompts and clicks follow the results; nothing is replayed here."""

    @pytest.fixture(name='operator')
    def _operator(self, bag):
        """Give a function that makes an Operator for the bag, which has sent its first prompts."""
        video = bag_video(bag)

        def make(every: int) -> Operator:
            settings = PromptSettings('box', correct_every=every)
            headers = {START_NS + i * PERIOD_NS: f'camera_{i % 2}' for i in range(FRAMES)}
            return Operator(video, first_prompts(video, settings), settings, headers)

        yield make
        video.close()

    @staticmethod
    def result(index: int, masks: dict[int, np.ndarray]) -> bytes:
        """Serialise what the node would say about an image, with masks as large as the image."""
        header = make_header(START_NS + index * PERIOD_NS, f'camera_{index % 2}')
        tracks = [
            Track(
                object_id=str(object_id),
                box=RegionOfInterest(width=WIDTH, height=HEIGHT),
                mask=make_label_image(header, mask.astype(np.uint8) * 255),
            )
            for object_id, mask in masks.items()
        ]
        return serialize_message(TrackArray(header=header, tracks=tracks))

    def test_objects_are_prompted_together_with_the_header_of_their_first_frame(self, operator):
        first, joined = operator(0).first_prompts()
        assert (first.stamp_ns, first.frame_id) == (START_NS + PERIOD_NS, 'camera_1')
        assert [prompt.object_id for prompt in first.prompts] == ['5']
        assert first.prompts[0].box == (21, 20, 60, 49)
        assert (joined.stamp_ns, joined.prompts[0].object_id) == (START_NS + 3 * PERIOD_NS, '3')

    def test_a_click_lies_in_the_middle_of_the_largest_mistake(self, operator):
        operator = operator(2)
        nothing = np.zeros((HEIGHT, WIDTH), bool)
        operator.look_at(self.result(3, {5: nothing, 3: truth(3) == 3}))
        (due,) = operator.follow_ups()
        assert (due.stamp_ns, due.frame_id) == (START_NS + 3 * PERIOD_NS, 'camera_1')
        (click,) = due.prompts
        assert (click.object_id, click.labels.tolist()) == ('5', [1])
        x, y = click.points[0]
        assert truth(3)[int(y), int(x)] == 5
        assert 30 <= y <= 40, 'the object reaches from row 20 to row 49'
        assert operator.prompted() == [(3, 5)]

    def test_objects_are_corrected_every_so_many_frames_after_their_own_prompt(self, operator):
        operator = operator(2)
        everywhere = np.ones((HEIGHT, WIDTH), bool)
        for index in range(1, FRAMES):
            objects = (5,) if index < 3 else (3, 5)
            operator.look_at(self.result(index, dict.fromkeys(objects, everywhere)))
        assert len(operator.follow_ups()) == 3
        # Object 5 is prompted in frame 1, object 3 in frame 3; nothing follows the last frame, 9.
        assert sorted(operator.prompted()) == [(3, 5), (5, 3), (5, 5), (7, 3), (7, 5)]
        assert operator.follow_ups() == []

    def test_what_is_good_enough_is_not_corrected(self, operator):
        operator = operator(2)
        mask = truth(5) == 5
        mask[20:23] = False  # 27 of 30 rows are left: J is 0.9
        operator.look_at(self.result(5, {5: mask}))
        assert operator.follow_ups() == []

    def test_a_dropped_frame_is_corrected_in_the_next_result(self, operator):
        operator = operator(2)
        everywhere = np.ones((HEIGHT, WIDTH), bool)
        for index in (1, 2, 4, 5, 6):
            operator.look_at(self.result(index, {5: everywhere}))
            operator.follow_ups()
        assert operator.prompted() == [(4, 5), (6, 5)]

    def test_without_corrections_results_are_not_looked_at(self, operator):
        operator = operator(0)
        operator.look_at(b'not even a message')
        assert operator.follow_ups() == []

    def test_an_object_whose_prompt_was_refused_is_prompted_in_the_next_result(self, operator):
        operator = operator(0)
        first, _ = operator.first_prompts()
        operator.take_refusal(first, RuntimeError('no frame near it was tracked'))
        assert operator.prompted() == [(3, 3)]
        operator.look_at(self.result(0, {}))
        assert operator.follow_ups() == [], 'it cannot be seen in frame 0'
        operator.look_at(self.result(6, {}))
        (again,) = operator.follow_ups()
        assert again.stamp_ns == START_NS + 6 * PERIOD_NS
        assert again.prompts[0].box == (26, 20, 65, 49), 'where it is by then'
        assert operator.prompted() == [(3, 3), (6, 5)]
        assert operator.warnings == [
            'the node refused the prompt of 5 in frame 1: no frame near it was tracked'
        ]

    def test_refusals_come_to_an_end(self, operator):
        operator = operator(0)
        due, _ = operator.first_prompts()
        attempts = 1
        while due is not None:
            operator.take_refusal(due, RuntimeError('never'))
            operator.look_at(self.result(6, {}))
            due = next(iter(operator.follow_ups()), None)
            attempts += due is not None
        assert attempts == MOST_ATTEMPTS

    def test_a_refused_correction_is_not_made_again(self, operator):
        operator = operator(2)
        operator.look_at(self.result(4, {5: np.ones((HEIGHT, WIDTH), bool)}))
        (due,) = operator.follow_ups()
        operator.take_refusal(due, RuntimeError('too old'))
        assert operator.warnings == ['the node refused the correction of 5 in frame 4: too old']
        operator.look_at(self.result(5, {5: np.ones((HEIGHT, WIDTH), bool)}))
        assert operator.follow_ups() == []
        assert operator.prompted() == []


def test_images_of_a_folder_become_messages_when_their_turn_comes():
    from rclpy.serialization import deserialize_message

    from surgsam2_ros.nodes.messages.frames import FrameMessages
    from surgsam2_ros.sources import SourceError, peek_header

    decoded = []

    def image(index: int) -> np.ndarray:
        decoded.append(index)
        return picture(index)

    source = FrameMessages(REPO, '/image', image, [5, 2_000_000_007], frame_id='endoscope')
    messages = source.messages(['/image'])
    assert decoded == []
    first = next(messages)
    assert decoded == [0]
    assert (first.topic, first.stamp_ns, peek_header(first.data)) == ('/image', 5, (5, 'endoscope'))
    message = deserialize_message(next(messages).data, Image)
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (2, 7)
    np.testing.assert_array_equal(decode_image_message(message), picture(1))
    assert next(messages, None) is None
    assert list(source.messages(['/other'])) == []
    with pytest.raises(SourceError, match='no topic /other'):
        source.require_topic('/other')
