# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What operators see of a real node and ask of it, over Fast DDS."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest
from live_stage import PATIENCE_S, live_stage, wait_until
from node_processes import HEIGHT, WIDTH

from surgsam2_msgs.msg import Event
from surgsam2_ros.console.desk import Description, DeskError, Mode, Picture
from surgsam2_ros.console.live_desk import LiveDesk
from surgsam2_ros.instrument_classes import InstrumentClasses
from surgsam2_ros.nodes.client import SurgSam2Client
from surgsam2_ros.nodes.client.node_thread import NodeThread
from surgsam2_ros.nodes.messages import qos
from surgsam2_ros.tracking import Prompt

BOX = (20, 30, 50, 60)


@pytest.fixture(scope='module')
def stage():
    with live_stage(f'/live_desk_{os.getpid()}') as stage:
        yield stage


@pytest.fixture(scope='module')
def shared_desk(stage):
    desk = LiveDesk([stage.target], InstrumentClasses({'scissors': None}), timeout_s=PATIENCE_S)
    yield desk
    desk.close()


@pytest.fixture(scope='module')
def other(stage):
    """Give somebody else who calls the node."""
    with SurgSam2Client(stage.target, timeout_s=PATIENCE_S) as client:
        yield client


@pytest.fixture
def desk(stage, shared_desk, other):
    other.reset()
    wait_until(lambda: not shared_desk.instruments(stage.target), 'objects survive a reset')
    old = picture_of(shared_desk)  # prompts of images from before the reset are refused
    picture_of(shared_desk, lambda picture: picture.serial > old.serial + 1)
    return shared_desk


def square() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[30:60, 20:50] = True
    return mask


def picture_of(desk: LiveDesk, has=lambda picture: picture.labels is not None) -> Picture:
    """Wait for a picture, a tracked one unless told."""
    serial = 0

    def following() -> Picture | None:
        nonlocal serial
        picture = desk.wait_for_picture(desk.cameras[0], serial, 0.5)
        serial = picture.serial if picture else serial
        return picture if picture and has(picture) else None

    return wait_until(following, 'no such picture came')


def texts(desk: LiveDesk, after: int = 0) -> list[str]:
    return [notice.text for notice in desk.notices(after)]


def last_serial(desk: LiveDesk) -> int:
    return max((notice.serial for notice in desk.notices()), default=0)


def given(desk: LiveDesk, object_id: str, **prompt) -> Picture:
    """Give a mask, or another prompt, and wait for a picture with the instrument."""
    picture = picture_of(desk)
    desk.give(picture, Prompt(object_id, **(prompt or {'mask': square()})), 'Anna')
    return picture_of(
        desk, lambda p: object_id in [each.object_id for each in p.instruments] and p.latency_ms
    )


def test_it_tells_its_mode_its_cameras_and_classes(desk, stage):
    assert (desk.mode, desk.cameras, desk.classes.names) == (
        Mode.LIVE,
        (stage.target,),
        ('scissors',),
    )


def test_a_picture_is_one_image_of_the_camera_with_its_labels(desk, stage):
    picture = picture_of(desk)
    assert picture.rgb.shape == (HEIGHT, WIDTH, 3)
    assert picture.labels.shape == (HEIGHT, WIDTH)
    assert picture.camera == stage.target
    assert desk.wait_for_picture(stage.target, picture.serial + 10_000, 0.05) is None


def test_a_prompt_starts_an_instrument_by_the_stamp_of_its_picture(desk, stage, monkeypatch):
    stamps, submit = [], stage.node.pipeline.requests.submit_prompts

    def spy(prompts, *, stamp_ns, **rest):
        stamps.append(stamp_ns)
        return submit(prompts, stamp_ns=stamp_ns, **rest)

    monkeypatch.setattr(stage.node.pipeline.requests, 'submit_prompts', spy)
    before, frozen = last_serial(desk), picture_of(desk)
    picture_of(desk, lambda picture: picture.serial > frozen.serial + 2)
    desk.give(frozen, Prompt('left', mask=square(), class_name='scissors'), 'Anna')
    assert stamps == [frozen.stamp_ns]
    shown = picture_of(desk, lambda picture: picture.instruments)
    (instrument,) = shown.instruments
    assert (instrument.object_id, instrument.name, instrument.class_name) == (
        'left',
        'left',
        'scissors',
    )
    (notice,) = (n for n in desk.notices(before) if n.text == 'left was started')
    assert (notice.author, notice.is_problem) == ('Anna', False)


def test_undo_ends_what_a_prompt_started_and_says_so(desk, stage):
    given(desk, 'left')
    assert 'left' in desk.undo(stage.target, 'Anna')
    wait_until(lambda: desk.instruments(stage.target) == (), 'it is still there')


def test_undo_gives_back_the_mask_that_a_correction_took(desk, stage, monkeypatch):
    shown = given(desk, 'left')
    prompts, submit = [], stage.node.pipeline.requests.submit_prompts

    def spy(given, *, stamp_ns, **rest):
        prompts.append((stamp_ns, given[0]))
        return submit(given, stamp_ns=stamp_ns, **rest)

    monkeypatch.setattr(stage.node.pipeline.requests, 'submit_prompts', spy)
    (instrument,) = shown.instruments
    desk.give(shown, Prompt('left', points=[(100, 80)], labels=[1], clear_old_points=False))
    assert not prompts[0][1].clear_old_points, 'the click adds to those before'
    former = shown.labels == instrument.instance
    if former.any():
        desk.undo(stage.target)
        stamp_ns, back = prompts[1]
        assert stamp_ns == shown.stamp_ns
        assert np.array_equal(back.mask, former)
    else:  # a network of random weights saw nothing there
        with pytest.raises(DeskError, match='was not seen in that picture'):
            desk.undo(stage.target)


def test_names_and_locks_are_kept_and_a_lock_refuses(desk, stage):
    given(desk, 'left')
    desk.describe(stage.target, 'left', Description(name='Grasper', locked=True), 'Anna')
    (instrument,) = desk.instruments(stage.target)
    assert (instrument.name, instrument.locked) == ('Grasper', True)
    for change in (
        lambda: desk.give(picture_of(desk), Prompt('left', box=BOX)),
        lambda: desk.remove(stage.target, 'left'),
    ):
        with pytest.raises(DeskError, match='Grasper is locked'):
            change()
    desk.undo(stage.target)
    (instrument,) = desk.instruments(stage.target)
    assert (instrument.name, instrument.locked) == ('left', False)
    desk.remove(stage.target, 'left')
    wait_until(lambda: desk.instruments(stage.target) == (), 'it is still there')


def test_a_preview_has_the_size_of_the_picture_and_changes_nothing(desk, stage):
    preview = desk.preview(picture_of(desk), Prompt('new', box=BOX))
    assert preview.mask.shape == (HEIGHT, WIDTH)
    assert preview.mask.dtype == bool
    assert desk.instruments(stage.target) == ()


def test_a_prompt_outside_the_picture_is_refused_before_the_node_is_asked(desk):
    for ask in (desk.preview, desk.give):
        with pytest.raises(DeskError, match='outside the 128x96 image'):
            ask(picture_of(desk), Prompt('a', points=[(WIDTH + 5, 3)], labels=[1]))


def test_what_the_node_refuses_is_a_sentence(desk, stage):
    picture = picture_of(desk)
    for number in range(3):
        desk.give(picture_of(desk), Prompt(f'a{number}', mask=square()))
    with pytest.raises(DeskError, match='3'):
        desk.give(picture_of(desk), Prompt('too_many', mask=square()))
    old = Picture(stage.target, 1, 1, -1, picture.rgb, None, ())
    with pytest.raises(DeskError, match='older than the frames kept'):
        desk.give(old, Prompt('a0', mask=square()))


def test_what_others_do_is_told(desk, other):
    picture_of(desk)
    before = last_serial(desk)
    other.add_object('theirs', mask=square())
    picture_of(desk, lambda picture: picture.instruments)
    other.remove_object('theirs')
    picture_of(desk, lambda picture: not picture.instruments)
    assert texts(desk, before) == [
        'theirs was started from elsewhere',
        'theirs was removed from elsewhere',
    ]


def test_what_the_node_decides_by_itself_is_told(desk, stage):
    before = last_serial(desk)
    owner = NodeThread('overseer')
    publisher = owner.node.create_publisher(Event, f'{stage.target}/events', qos.EVENTS)
    wait_until(publisher.get_subscription_count, 'the desk does not listen')
    publisher.publish(Event(what=Event.START, object_id='found_1', why='3 detections agree'))
    told = 'found_1 was found: 3 detections agree'
    wait_until(lambda: told in texts(desk, before), 'nothing was told')
    owner.close()


def test_a_paused_node_goes_on_showing_images_and_refuses_prompts(desk, stage):
    camera, before = desk.camera(stage.target), last_serial(desk)
    camera.node.enable(False)
    try:
        picture = picture_of(desk, lambda picture: picture.labels is None)
        with pytest.raises(DeskError, match='paused'):
            desk.give(picture, Prompt('a', mask=square()))
        assert f'{stage.target} was paused: it looks at no images' in texts(desk, before)
    finally:
        camera.node.enable(True)
    picture_of(desk)


def test_a_node_that_does_not_answer_keeps_no_page_waiting(desk, stage, monkeypatch):
    given(desk, 'left')
    node, asked, answers = desk.camera(stage.target).node, [], threading.Event()

    def hang() -> list:
        asked.append(time.monotonic())
        answers.wait(PATIENCE_S)
        return []

    node.enable(False)
    try:
        monkeypatch.setattr(node.client, 'list_objects', hang)
        wait_until(lambda: desk.instruments(stage.target) and asked, 'nobody asked')
        began_s = time.monotonic()
        shown = [desk.instruments(stage.target) for _ in range(20)]
        assert time.monotonic() - began_s < PATIENCE_S / 4
        assert {each.object_id for listed in shown for each in listed} == {'left'}
        assert len(asked) == 1
    finally:
        answers.set()
        node.enable(True)


def test_parameters_that_may_change_now_are_read_and_set(desk, stage):
    node = desk.camera(stage.target).node
    assert node.parameters()['output.overlay_opacity'] == 0.22
    node.set_parameter('output.overlay_opacity', 0.5)
    assert stage.node.parameters.output.overlay_opacity == 0.5
    assert node.parameters()['output.overlay_opacity'] == 0.5
    with pytest.raises(DeskError, match='cannot change while'):
        node.set_parameter('model.config', 'other.yaml')


def test_transitions_are_made_and_told(desk, stage):
    node, before = desk.camera(stage.target).node, last_serial(desk)
    node.change_state('deactivate')
    try:
        picture = picture_of(desk, lambda picture: picture.labels is None)
        with pytest.raises(DeskError, match='inactive'):
            desk.give(picture, Prompt('a', mask=square()))
        told = f'{stage.target} is now inactive, and does not track'
        wait_until(lambda: told in texts(desk, before), 'not told')
    finally:
        node.change_state('activate')
    picture_of(desk, lambda picture: picture.labels is not None)


def test_an_unknown_camera_is_named(desk):
    with pytest.raises(DeskError, match='there is no camera /right'):
        desk.instruments('/right')


def test_a_node_that_goes_and_comes_back_is_told_and_loses_no_names(desk, stage):
    given(desk, 'left')
    desk.describe(stage.target, 'left', Description(name='Grasper'))
    before = last_serial(desk)
    stage.stop_node()
    try:
        wait_until(lambda: any('is gone' in text for text in texts(desk, before)), 'not told')
        with pytest.raises(DeskError, match='is not there; start it'):
            desk.remove(stage.target, 'left')
    finally:
        stage.start_node()
    wait_until(lambda: any('is back' in t or 'anew' in t for t in texts(desk, before)), 'not told')
    picture = picture_of(desk, lambda picture: picture.labels is not None and picture.latency_ms)
    desk.give(picture, Prompt('left', mask=square()))
    assert [each.name for each in desk.instruments(stage.target)] == ['Grasper']


def test_a_node_that_never_was_is_named():
    desk = LiveDesk(['/nobody'])
    try:
        with pytest.raises(DeskError, match='the node /nobody is not there'):
            desk.remove('/nobody', 'a')
        assert desk.wait_for_picture('/nobody', 0, 0.1) is None
        assert desk.instruments('/nobody') == ()
    finally:
        desk.close()
        desk.close()
