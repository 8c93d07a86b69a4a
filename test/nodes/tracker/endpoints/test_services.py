# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tests of every service of an active node, and of prompts that come by topic."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pytest
from geometry_msgs.msg import PointStamped
from node_processes import (
    FRAME_NS,
    HEIGHT,
    STOP_TIMEOUT_S,
    WIDTH,
    make_header,
    running_node,
    scene,
    write_random_checkpoint,
)
from sensor_msgs.msg import Image, RegionOfInterest

from surgsam2_msgs.msg import Prompt as PromptMessage
from surgsam2_msgs.msg import PromptArray
from surgsam2_msgs.msg import Track as TrackMessage
from surgsam2_msgs.srv import AddObjects, ListObjects
from surgsam2_ros.nodes.client import ObjectState, SurgSam2Error
from surgsam2_ros.nodes.client.node_thread import NodeThread
from surgsam2_ros.nodes.faults.caller import Caller
from surgsam2_ros.nodes.messages.qos import PROMPTS
from surgsam2_ros.tracking import Prompt

BOX = (20, 30, 50, 60)


@pytest.fixture(scope='module')
def shared_node(tmp_path_factory):
    folder = tmp_path_factory.mktemp('services')
    parameters = {
        'model.checkpoint': write_random_checkpoint(folder / 'random.safetensors'),
        'model.device': 'cpu',
        'input.qos': 'DEFAULT',
        'input.policy': 'every_frame',
        'tracking.max_objects': 3,
        'tracking.min_quality': 1.0,  # the weights are random
        'tracking.appearance_model': False,  # what it would learn is random as well
        'tracking.prompt_buffer_frames': 5,
        'tracking.prompt_timeout_s': 30.0,
        'input.timeout_s': 60.0,  # a camera that stands still between tests hides other problems
    }
    with running_node(folder, '/services', parameters) as node:
        node.client.configure()
        node.activate_and_wait()
        yield node
        assert node.process.stop(STOP_TIMEOUT_S) == 0


@pytest.fixture
def node(shared_node):
    return shared_node.fresh()


@pytest.fixture
def background():
    with ThreadPoolExecutor(4) as pool:
        yield pool


def square_mask() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[30:60, 20:50] = True
    return mask


def ids(tracks) -> list[str]:
    return [track.object_id for track in tracks.tracks]


def test_uncertain_objects_are_told_in_tracks_and_status(node):
    node.add_while_sending('left', box=BOX)
    (track,) = node.track().tracks
    assert (track.state, track.frames_since_seen) == (TrackMessage.UNCERTAIN, 0)
    status = node.client.wait_for_status(lambda status: status.num_uncertain)
    assert (status.num_objects, status.num_uncertain) == (1, 1)
    assert status.message == 'tracking 1 objects, UNCERTAIN: left'


def test_the_status_names_two_objects_that_claim_one_place(node):
    node.add_while_sending('left', box=BOX)
    node.add_while_sending('again', box=BOX)  # of the same picture: they are the same to the node
    node.track()
    status = node.client.wait_for_status(lambda status: 'claim' in status.message)
    assert status.message.endswith('UNCERTAIN: left, again, again and left claim the same place')
    node.client.remove_object('again')
    status = node.client.wait_for_status(lambda status: status.num_objects == 1)
    assert status.message == 'tracking 1 objects, UNCERTAIN: left'


def test_points_boxes_and_masks_add_objects_together(node, background):
    prompts = [
        Prompt('by_box', box=BOX, class_name='scissors'),
        Prompt('by_points', points=[(30, 40), (5, 5)], labels=[1, 0]),
        Prompt('by_mask', mask=square_mask()),
    ]
    instances = node.track_until(background.submit(node.client.add_objects, prompts))
    assert instances == {'by_box': 1, 'by_points': 2, 'by_mask': 3}
    tracks = node.track()
    assert ids(tracks) == ['by_box', 'by_points', 'by_mask']
    assert [track.class_name for track in tracks.tracks] == ['scissors', '', '']
    assert all(track.box.width > 0 and track.area > 0 for track in tracks.tracks)


def test_a_known_object_is_refined_or_rejected_as_asked(node):
    first = node.add_while_sending('a', box=BOX)
    assert node.add_while_sending('a', points=[(30, 40)]) == first
    with pytest.raises(SurgSam2Error, match=r"'a'.*exists already") as caught:
        node.add_while_sending('a', box=BOX, allow_update=False)
    assert caught.value.object_ids == ('a',)
    assert ids(node.track()) == ['a']


@pytest.mark.parametrize(
    ('prompt', 'reason'),
    [
        ({'points': [(WIDTH + 40, 10)]}, r'lies outside the 128x96 image'),
        ({'mask': np.ones((10, 10))}, r'10x10'),
        ({'mask': np.zeros((HEIGHT, WIDTH))}, r'mask is empty'),
        ({'points': [(5, 5)], 'labels': [7]}, r'label'),
        ({}, r'it is empty; give points, a box or a mask'),
        ({'box': (10, 10, 10, 30)}, r'width and height must be at least'),
    ],
)
def test_a_bad_prompt_says_why_and_costs_no_object(node, prompt, reason):
    node.add_while_sending('good', box=BOX)
    with pytest.raises(SurgSam2Error, match=reason):
        node.add_while_sending('bad', **prompt)
    assert ids(node.track()) == ['good']


def test_one_bad_prompt_rejects_the_request_and_is_named(node, background):
    prompts = [Prompt('fine', box=BOX), Prompt('outside', points=[(500, 500)])]
    with pytest.raises(SurgSam2Error, match='outside') as caught:
        node.track_until(background.submit(node.client.add_objects, prompts))
    assert caught.value.object_ids == ('outside',)
    assert ids(node.track()) == []


def test_a_rejection_still_lists_the_living_objects(node):
    node.add_while_sending('alive', box=BOX)
    twice = PromptMessage(object_id='twice', box=RegionOfInterest(width=9, height=9))
    request = AddObjects.Request(prompts=[twice, twice])
    answer = node.client._call(AddObjects, 'add_objects', request)
    assert not answer.success
    assert 'occurs twice' in answer.message
    assert answer.rejected_object_ids == ['twice']
    assert answer.object_ids == ['alive']


def test_more_objects_than_allowed_are_refused(node, background):
    prompts = [Prompt(f'object_{k}', box=BOX) for k in range(4)]
    with pytest.raises(SurgSam2Error, match='at most 3'):
        node.track_until(background.submit(node.client.add_objects, prompts))


def test_objects_are_listed_and_removed(node):
    node.add_while_sending('a', box=BOX, class_name='scissors')
    node.add_while_sending('b', box=BOX)
    listed = node.client.list_objects()
    assert [(item.object_id, item.instance) for item in listed] == [('a', 1), ('b', 2)]
    assert listed[0].class_name == 'scissors'
    assert listed[0].state == ObjectState.UNCERTAIN
    node.client.remove_object('a')
    assert ids(node.track()) == ['b']
    with pytest.raises(SurgSam2Error, match="'a' is not tracked; tracked objects: b"):
        node.client.remove_object('a')


def test_the_status_counts_what_lives_while_nothing_is_tracked(node):
    node.add_while_sending('a', box=BOX)
    node.add_while_sending('b', box=BOX)
    node.client.enable(False)
    try:
        node.client.wait_for_status(lambda s: (s.enabled, s.num_objects) == (False, 2))
        node.client.remove_object('a')
        status = node.client.wait_for_status(lambda s: s.num_objects == 1)
        assert status.num_uncertain <= 1
    finally:
        node.client.enable(True)


def test_reset_forgets_all_objects_and_counts_from_zero(node):
    node.add_while_sending('a', box=BOX)
    before = node.track()
    node.client.reset()
    tracks = node.track()
    assert ids(tracks) == []
    assert tracks.frame_index == 0
    assert before.session != tracks.session == node.track().session


def test_images_are_tracked_while_one_is_segmented(node):
    prompts = [Prompt(f'x{number}', points=[(40, 50)]) for number in range(254)]
    with ThreadPoolExecutor(1) as caller:
        answer = caller.submit(node.client.segment, scene(), prompts)
        tracked = 0
        while not answer.done():
            node.track()
            tracked += 1
        assert len(answer.result()) == 254
    assert tracked >= 20  # 4 when they wait, those before the request came included


def test_segment_reads_one_image_and_leaves_the_objects_alone(node):
    node.add_while_sending('a', box=BOX)
    prompts = [Prompt('x', box=BOX), Prompt('a', mask=square_mask())]
    segments = node.client.segment(scene(), prompts)
    assert list(segments) == ['x', 'a']
    assert segments['a'].mask.shape == (HEIGHT, WIDTH)
    assert segments['a'].mask.dtype == bool
    assert 0.0 <= segments['x'].presence <= 1.0
    assert ids(node.track()) == ['a']
    with pytest.raises(SurgSam2Error, match='there are no prompts'):
        node.client.segment(scene(), [])
    with pytest.raises(SurgSam2Error, match='outside') as caught:
        node.client.segment(scene(), [Prompt('far', points=[(1000, 5)])])
    assert caught.value.object_ids == ('far',)


def test_enable_pauses_and_goes_on_with_the_same_objects(node):
    node.add_while_sending('a', box=BOX)
    node.client.enable(False)
    status = node.client.wait_for_status(lambda s: not s.enabled)
    assert status.message == 'paused'
    with pytest.raises(SurgSam2Error, match='paused; call ~/enable'):
        node.client.add_object('b', box=BOX)
    node.client.forget_tracks()
    for _ in range(3):
        node.camera.send()
    node.client.list_objects()
    assert node.client.tracks == []
    node.client.enable(True)
    tracks = node.track()
    assert ids(tracks) == ['a']
    assert tracks.dropped_since_last == 0


def test_deactivation_finishes_the_queue_of_every_frame(node):
    node.add_while_sending('a', box=BOX)
    sent = [node.camera.send() for _ in range(6)]
    node.client.wait_for_tracks(stamp=sent[0].stamp)
    node.client.list_objects()
    node.client.deactivate()
    for header in sent:
        assert node.client.wait_for_tracks(stamp=header.stamp).dropped_since_last == 0
    node.activate_and_wait()


def test_a_prompt_for_a_past_image_conditions_that_image(node, background):
    clicked = node.camera.send()
    node.client.wait_for_tracks(stamp=clicked.stamp)
    for _ in range(2):
        node.track()
    added = background.submit(node.client.add_object, 'late', box=BOX, header=clicked)
    assert node.track_until(added) == 1
    assert ids(node.track()) == ['late']


def test_a_prompt_for_an_image_older_than_the_buffer_says_so(node):
    clicked = node.camera.send()
    for _ in range(7):
        node.track()
    with pytest.raises(SurgSam2Error, match='older than the frames kept for prompts'):
        node.client.add_object('late', box=BOX, header=clicked)


def test_a_prompt_for_a_coming_image_waits_for_it(node, background):
    node.track()
    coming = make_header(node.camera.stamp_ns + 3 * FRAME_NS)
    added = background.submit(node.client.add_object, 'early', box=BOX, header=coming)
    node.client.list_objects()
    assert ids(node.track()) == []
    assert ids(node.track()) == []
    assert ids(node.track()) == ['early']
    assert added.result(timeout=30) == 1


def test_a_prompt_without_images_is_answered_after_the_timeout(node):
    node.client.set_parameters({'tracking.prompt_timeout_s': 0.3})
    try:
        with pytest.raises(SurgSam2Error, match=r'no image was tracked within 0\.3 s \(1 publ'):
            node.client.add_object('a', box=BOX)
        coming = make_header(node.camera.stamp_ns + 90_000_000_000)
        with pytest.raises(SurgSam2Error, match='or newer was tracked within'):
            node.client.add_object('a', box=BOX, header=coming)
    finally:
        node.client.set_parameters({'tracking.prompt_timeout_s': 30.0})
    assert ids(node.track()) == []


def test_prompts_by_topic_add_objects(node):
    publish = node.camera.publisher(PromptArray, 'prompts', depth=PROMPTS.depth).publish
    box = RegionOfInterest(x_offset=20, y_offset=30, width=30, height=30)
    for _ in range(50):  # again while nothing came of it: the first may have found nobody yet
        coming = make_header(node.camera.stamp_ns + FRAME_NS)
        publish(PromptArray(header=coming, prompts=[PromptMessage(object_id='a', box=box)]))
        node.client.list_objects()
        if ids(node.track()):
            break
    assert ids(node.track()) == ['a']


def test_a_clicked_pixel_starts_an_object_unless_it_lies_on_one(node, background):
    publish = node.camera.publisher(PointStamped, 'surgsam2/clicked_pixel').publish
    added = background.submit(node.client.add_object, 'square', mask=square_mask())
    node.track_until(added)
    shown = next(t.header for t in node.client.tracks if ids(t) == ['square'])

    def click(x: float, y: float) -> None:
        message = PointStamped(header=shown)
        message.point.x, message.point.y = x, y
        publish(message)

    for _ in range(50):  # again while nothing came of it: the first may have found nobody yet
        click(100.0, 80.0)
        node.client.list_objects()
        if len(ids(node.track())) > 1:
            break
    click(35.0, 45.0)
    node.client.list_objects()
    square, *clicked = ids(node.track())
    assert square == 'square'
    assert clicked, 'a click beside all objects starts one'
    assert all(name.startswith('click_') for name in clicked)


def test_bad_prompts_by_topic_show_in_the_status(node):
    publish = node.camera.publisher(PromptArray, 'prompts', depth=PROMPTS.depth).publish
    mask = Image(height=2, width=2, step=2, encoding='rgb9', data=bytes(4))
    publish(PromptArray(prompts=[PromptMessage(object_id='a', mask=mask)]))
    # A prompt of the test before may be rejected, too, late and for its stamp.
    status = node.client.wait_for_status(lambda s: 'rgb9' in s.message)
    assert 'rejected' in status.message
    assert "'a'" in status.message
    assert ids(node.track()) == []


def test_requests_that_come_all_at_once_are_all_answered(node):
    with closing(NodeThread('caller')) as owner:
        caller = Caller(owner.node, f'{node.namespace}/surgsam2')
        requests = [ListObjects.Request() for _ in range(100)]
        answers = caller.flood(ListObjects, 'list_objects', requests, 60.0)
    assert (answers.lost, answers.refused) == (0, 0)
