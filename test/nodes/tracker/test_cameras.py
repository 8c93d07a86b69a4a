# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Several cameras in one process: each with a node of its own, and one network for all."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

rclpy = pytest.importorskip('rclpy')

from node_processes import Camera, running_node  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402

from surgsam2_msgs.msg import PromptArray  # noqa: E402
from surgsam2_ros.nodes.client import NodeState, SurgSam2Client  # noqa: E402
from surgsam2_ros.nodes.client.node_thread import NodeThread  # noqa: E402
from surgsam2_ros.nodes.messages.requests import prompt_message  # noqa: E402
from surgsam2_ros.nodes.tracker.cameras import close_all, make_nodes  # noqa: E402
from surgsam2_ros.nodes.tracker.life.spinning import spin  # noqa: E402
from surgsam2_ros.nodes.tracker.node import SUCCESS  # noqa: E402
from surgsam2_ros.nodes.tracker.parameters import ParameterError  # noqa: E402
from surgsam2_ros.nodes.tracker.shared_network import SharedNetwork  # noqa: E402
from surgsam2_ros.tracking import Prompt  # noqa: E402

BOX = (24, 26, 60, 64)
PARAMETERS = {
    'model.device': 'cpu',
    'model.num_threads': 1,
    'model.warmup_frames': 1,
    'input.qos': 'DEFAULT',
    'input.policy': 'every_frame',
    'restart.snapshot_file': '',
}


def wait_until(is_so, timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Process:
    """Nodes as a process has them, spun by a thread, with a camera and a client for each."""

    def __init__(self, namespace: str, cameras=(), shared=None, remap=()) -> None:
        self.context = rclpy.Context()
        rclpy.init(context=self.context, args=[])
        self.executor = SingleThreadedExecutor(context=self.context)
        values = {**PARAMETERS, 'cameras': list(cameras) or ['']}
        self.nodes = make_nodes(
            shared,
            cli_args=['--ros-args', '-r', f'__ns:={namespace}', *remap],
            context=self.context,
            parameter_overrides=[Parameter(name, value=value) for name, value in values.items()],
        )
        for node in self.nodes:
            self.executor.add_node(node)
        failed = []
        self._thread = threading.Thread(
            target=spin, args=[self.executor, lambda *problem: failed.append(problem)], daemon=True
        )
        self._thread.start()
        names = [node.get_fully_qualified_name() for node in self.nodes]
        self.clients = [SurgSam2Client(name, timeout_s=30.0) for name in names]
        self.cameras = [Camera(node.get_namespace()) for node in self.nodes]

    def start(self) -> None:
        for node in self.nodes:
            assert node.trigger_configure() == SUCCESS
            assert node.trigger_activate() == SUCCESS
        for client, camera in zip(self.clients, self.cameras, strict=True):
            client.follow_tracks()
            camera.publisher()

    def prompt(self, number: int, object_id: str = 'tool') -> None:
        """Have an object wait for the next image of a camera."""
        requests = self.nodes[number].pipeline.requests
        with ThreadPoolExecutor(1) as pool:
            added = pool.submit(self.clients[number].add_object, object_id, box=BOX)
            wait_until(lambda: len(requests) or added.done())
            self.track(number)
            added.result()

    def track(self, *which: int):
        """Have these cameras send an image at the same moment; give the results."""
        stamps = [self.cameras[number].send().stamp for number in which]
        return [
            self.clients[number].wait_for_tracks(stamp=stamp)
            for number, stamp in zip(which, stamps, strict=True)
        ]

    def close(self) -> int:
        for one in (*self.clients, *self.cameras):
            one.close()
        self.context.try_shutdown()
        self._thread.join()
        status = close_all(self.nodes)
        self.executor.shutdown()
        for node in self.nodes:
            node.destroy_node()
        return status


@pytest.fixture(name='processes')
def _processes():
    """Give a function that makes a `Process` of the test's own."""
    made = []

    def make(*arguments, **options) -> Process:
        made.append(Process(*arguments, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def seen(tracks):
    """Return what a result says, apart from scores, its image's header and when it was made."""
    return [
        (t.object_id, t.instance, t.state, t.box, t.area, bytes(t.mask.data)) for t in tracks.tracks
    ]


def network_of(node):
    return node.pipeline.loaded.tracker._network


@pytest.mark.parametrize('together', [False, True], ids=['side by side', 'in one batch'])
def test_each_camera_tracks_what_a_node_by_itself_would(processes, ros_namespace, together):
    shared = SharedNetwork(2, together=lambda *_: together)
    pair = processes(ros_namespace, ('left', 'right'), shared)
    alone = processes(f'{ros_namespace}/alone')
    pair.start()
    alone.start()
    pair.cameras[1].number = 7  # the scene moves on with the number
    for number in (0, 1):
        pair.prompt(number)  # of the same name in both
    found = list(zip(*(pair.track(0, 1) for _ in range(4)), strict=True))
    for number, results in enumerate(found):
        alone.clients[0].reset()
        alone.cameras[0].number = 7 * number
        alone.prompt(0)
        wanted = [alone.track(0)[0] for _ in range(4)]
        for one, other in zip(results, wanted, strict=True):
            assert seen(one) == seen(other)
            # A batch adds up in another order; what is learned of looks makes more of that.
            scores = [[track.score for track in each.tracks] for each in (one, other)]
            assert scores[0] == pytest.approx(scores[1], abs=1e-3 if together else 0.0)
        assert all(one.tracks[0].area for one in results)
        frames = [one.header.frame_id for one in results]
        assert frames == [f'camera/optical_{7 * number + later}' for later in range(2, 6)]
    for client in pair.clients:
        status = client.wait_for_status(lambda s: s.frames_processed == 5)
        assert (status.lifecycle_state, status.num_objects) == (NodeState.ACTIVE, 1)
    if together:
        assert 2 in shared.threads[0].batches
    else:
        assert shared.threads == []


def test_all_cameras_use_one_copy_of_the_weights_until_the_last_gives_it_back(
    processes, ros_namespace
):
    shared = SharedNetwork(2, together=lambda *_: True)
    pair = processes(ros_namespace, ('left', 'right'), shared)
    pair.start()
    places = [{one.data_ptr() for one in network_of(node).parameters()} for node in pair.nodes]
    assert len(places[0]) > 100
    assert places[0] == places[1]
    network, thread = weakref.ref(network_of(pair.nodes[0])), shared.threads[0]._thread
    left, right = pair.clients
    left.deactivate()
    left.cleanup()
    assert len(shared.networks) == 1
    pair.track(1)
    right.deactivate()
    right.cleanup()
    assert shared.networks == shared.threads == []
    wait_until(lambda: not thread.is_alive())
    wait_until(lambda: gc.collect() >= 0 and network() is None)
    left.configure()
    left.activate()
    pair.track(0)
    assert len(shared.networks) == 1


@pytest.mark.parametrize('together', [False, True], ids=['side by side', 'in one batch'])
def test_a_camera_that_hangs_or_is_gone_holds_up_no_other(processes, ros_namespace, together):
    shared = SharedNetwork(2, together=lambda *_: together)
    pair = processes(ros_namespace, ('left', 'right'), shared)
    pair.start()
    for number in (0, 1):
        pair.prompt(number)
    pair.track(0, 1)
    hangs, goes_on = threading.Event(), threading.Event()
    pair.nodes[1].pipeline.inference._publish = lambda _: hangs.set() or goes_on.wait(60.0)
    pair.cameras[1].send()
    assert hangs.wait(20.0)
    for _ in range(5):
        pair.track(0)
    goes_on.set()
    pair.clients[1].deactivate()
    pair.clients[1].cleanup()
    for _ in range(3):
        pair.track(0)


def test_one_topic_of_prompts_may_be_that_of_both_cameras(processes, ros_namespace):
    topic = f'{ros_namespace}/prompts'
    pair = processes(ros_namespace, ('left', 'right'), remap=['-r', f'prompts:={topic}'])
    pair.start()
    sender = NodeThread('sender')
    try:
        publisher = sender.node.create_publisher(PromptArray, topic, 10)
        wait_until(lambda: publisher.get_subscription_count() == 2)
        time.sleep(0.3)  # the listeners find the publisher a moment later
        publisher.publish(PromptArray(prompts=[prompt_message(Prompt('tool', box=BOX))]))
        wait_until(lambda: all(len(node.pipeline.requests) for node in pair.nodes))
    finally:
        sender.close()
    for tracks in pair.track(0, 1):
        assert [track.object_id for track in tracks.tracks] == ['tool']


@pytest.fixture(name='nodes')
def _nodes(ros_namespace):
    """Give a function that makes nodes from the arguments of a process, and takes them back."""
    context, made = rclpy.Context(), []
    rclpy.init(context=context, args=[])

    def make(*arguments: str):
        arguments = ('--ros-args', '-r', f'__ns:={ros_namespace}', *arguments)
        made.extend(make_nodes(cli_args=arguments, context=context))
        return made

    yield make
    if made:
        close_all(made)
    for node in made:
        node.destroy_node()
    rclpy.shutdown(context=context)


def test_without_names_there_is_one_node_where_it_is_told(nodes, ros_namespace):
    assert [node.get_fully_qualified_name() for node in nodes()] == [f'{ros_namespace}/surgsam2']


def test_each_camera_has_its_namespace_topics_and_parameters(nodes, ros_namespace, tmp_path):
    file = tmp_path / 'parameters.yaml'
    file.write_text(
        '/**:\n  ros__parameters: {cameras: [left, right], tracking: {max_objects: 3}}\n'
        f'{ros_namespace}/right/surgsam2:\n  ros__parameters: {{tracking: {{max_objects: 5}}}}\n'
    )
    left, right = nodes('--params-file', str(file), '-r', 'image:=image_raw')
    assert left.image_topic == f'{ros_namespace}/left/image_raw'
    assert right.image_topic == f'{ros_namespace}/right/image_raw'
    assert [node.parameters.tracking.max_objects for node in (left, right)] == [3, 5]
    names = left.get_node_names_and_namespaces()
    assert ('surgsam2', ros_namespace) not in names, 'the node that read the names is gone'


@pytest.mark.parametrize(
    ('given', 'told'),
    [
        ('cameras:=[left, left]', "cameras is .*names 'left' twice"),
        ('cameras:=[left, a/b]', "'a/b'.* must be a list of names of letters"),
        ('cameras:=[1, 2]', 'cameras is a string_array'),
        ('cameras:=[]', r"cameras is \[\].* write \[''\]"),
    ],
)
def test_wrong_names_of_cameras_are_refused_with_the_remedy(nodes, given, told):
    with pytest.raises(ParameterError, match=told):
        nodes('-p', given)


def test_cameras_that_would_overwrite_each_others_snapshot_are_refused(nodes):
    with pytest.raises(ParameterError, match=r"'/tmp/one' for 2 cameras.*set it to auto"):
        nodes('-p', 'cameras:=[left, right]', '-p', 'restart.snapshot_file:=/tmp/one')


def test_a_camera_whose_name_is_empty_is_none(nodes):
    assert len(nodes('-p', "cameras:=['']")) == 1


@pytest.mark.slow
def test_objects_of_all_cameras_are_back_after_a_kill(tmp_path):
    parameters = {**PARAMETERS, 'cameras': '[left, right]', 'autostart': True}
    parameters['restart.snapshot_file'] = 'auto'
    sides = ('left', 'right')
    for life in (1, 2):
        with running_node(tmp_path, '/killed', parameters) as running:
            clients = {
                side: SurgSam2Client(f'{running.namespace}/{side}/surgsam2', timeout_s=30.0)
                for side in sides
            }
            for side, client in clients.items():
                wait_until(lambda client=client: client.state() == NodeState.ACTIVE, 60.0)
                if life == 2:
                    assert [one.object_id for one in client.list_objects()] == [f'of_{side}']
                    continue
                camera = Camera(f'{running.namespace}/{side}')
                camera.publisher()
                with ThreadPoolExecutor(1) as pool:
                    added = pool.submit(client.add_object, f'of_{side}', box=BOX)
                    while not added.done():
                        camera.send()
                        time.sleep(0.2)
                added.result()
                camera.close()
            for client in clients.values():
                client.close()
            if life == 1:
                time.sleep(1.5)  # a snapshot is taken once a second
                os.kill(running.process.pid, signal.SIGKILL)
                running.process.wait(20.0)


@pytest.mark.slow
def test_a_process_of_two_cameras_is_there_for_both_and_ends_when_told(tmp_path):
    parameters = {**PARAMETERS, 'cameras': '[left, right]', 'autostart': True}
    del parameters['restart.snapshot_file']
    with running_node(tmp_path, '/pair', parameters) as running:
        for side in ('left', 'right'):
            with SurgSam2Client(f'{running.namespace}/{side}/surgsam2', timeout_s=30.0) as client:
                wait_until(lambda client=client: client.state() == NodeState.ACTIVE, 60.0)
                client.deactivate()
        began = time.monotonic()
        os.kill(running.process.pid, signal.SIGTERM)
        assert running.process.wait(20.0) == 0
        assert time.monotonic() - began < 10.0
