# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Evaluation on a Ray cluster: the same results as here, also when workers are lost."""

from __future__ import annotations

import dataclasses
import os
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip('torch')

from evaluation_data import write_tiny_model, write_vos
from repository import REPO

from surgsam2_ros.evaluation.records import VideoRecord, read_video
from surgsam2_ros.evaluation.runs.inputs import open_videos
from surgsam2_ros.evaluation.runs.jobs import Standing, VideoJob, run_jobs
from surgsam2_ros.evaluation.runs.ray_cluster import INSTALL, RETRIES, RayClusterError, run_on_ray
from surgsam2_ros.evaluation.runs.settings import NetworkChoice, RunSettings

ABSENT = 'Ray is optional: requirements/ray.txt, `make test-ray`'
VIDEOS = ('a', 'b', 'c', 'd')


def test_without_ray_the_command_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, 'ray', None)
    with pytest.raises(RayClusterError, match=re.escape(INSTALL)):
        run_on_ray('auto', [])


def test_the_remedy_names_the_pinned_version():
    assert INSTALL.removeprefix('pip install ') in (REPO / 'requirements' / 'ray.txt').read_text()


@pytest.mark.parametrize('address', ['127.0.0.1:9', 'ray://127.0.0.1:9', 'nonsense'])
def test_a_cluster_that_is_not_there_is_one_line(address):
    pytest.importorskip('ray', reason=ABSENT)
    wanted = re.escape(f'no Ray cluster to be reached at {address!r}')
    with pytest.raises(RayClusterError, match=wanted) as caught:
        run_on_ray(address, [])
    assert '\n' not in str(caught.value)


@pytest.fixture(name='cluster', scope='module')
def _cluster():
    """Give a Ray cluster of two nodes on this machine, each with room for one video."""
    pytest.importorskip('ray', reason=ABSENT)
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('RAY_USAGE_STATS_ENABLED', '0')
        patch.setenv('PYTHONPATH', str(REPO / 'test' / 'support'), prepend=os.pathsep)
        node = {'num_cpus': 1, 'object_store_memory': 100 * 2**20}
        cluster = Cluster(initialize_head=True, head_node_args={**node, 'include_dashboard': False})
        try:
            cluster.add_node(**node)
            yield cluster
        finally:
            cluster.shutdown()


@pytest.fixture(name='data', scope='module')
def _data(tmp_path_factory):
    return write_vos(tmp_path_factory.mktemp('data'), VIDEOS, frames=4)


@pytest.fixture(name='choice', scope='module')
def _choice(tmp_path_factory):
    return NetworkChoice(write_tiny_model(tmp_path_factory.mktemp('model')))


@pytest.fixture(name='run')
def _run(cluster, data, choice, tmp_path):
    """Give a function that evaluates videos of the given classes on the cluster.

    It returns the output folder, the records by video, the standings, and per video the ids of the
    nodes that opened it.
    """
    output, witness = tmp_path / 'output', tmp_path / 'witness'

    def run(**classes: type):
        for folder in (output, witness):
            folder.mkdir()
        videos = [cls(name, data, witness) for name, cls in classes.items()]
        jobs = [VideoJob(video, choice, RunSettings(), output) for video in videos]
        standings: list[Standing] = []
        records = run_on_ray(cluster.address, jobs, on_standing=standings.append)
        opened = {
            name: [file.read_text() for file in sorted(witness.glob(f'{name}.*'))]
            for name in classes
        }
        return output, {record.video: record for record in records}, standings, opened

    return run


def results(output: Path, video: str) -> tuple[VideoRecord, dict[str, bytes]]:
    """Return what was written for a video, without the times, which always differ."""
    record = read_video(output, 'tracker', video)
    files = {
        str(path.relative_to(output)): path.read_bytes()
        for path in sorted((output / video).rglob('*.png'))
    }
    return dataclasses.replace(record, inference_ms=[]), files


@pytest.mark.slow
def test_two_nodes_give_the_results_of_one_machine_to_the_bit(run, data, choice, tmp_path):
    from cluster_videos import WitnessVideo

    output, records, standings, opened = run(**dict.fromkeys(VIDEOS, WitnessVideo))
    assert {name: record.error for name, record in records.items()} == dict.fromkeys(VIDEOS)
    nodes = {node for attempts in opened.values() for node in attempts}
    assert len(nodes) == 2, 'both nodes did their share'
    assert [standing.videos for standing in standings] == [1, 2, 3, 4]
    assert standings[-1].frames == standings[-1].expected == 4 * len(VIDEOS)

    here = tmp_path / 'here'
    here.mkdir()
    run_jobs([VideoJob(v, choice, RunSettings(), here) for v in open_videos(data)], 1)
    for name in VIDEOS:
        expected, files = results(here, name)
        assert files
        assert results(output, name) == (expected, files)


@pytest.mark.slow
def test_a_video_whose_worker_is_lost_is_begun_again(run):
    from cluster_videos import DeadlyOnceVideo, WitnessVideo

    output, records, _, opened = run(a=WitnessVideo, b=DeadlyOnceVideo, c=WitnessVideo)
    assert {name: record.error for name, record in records.items()} == dict.fromkeys('abc')
    assert len(opened['b']) == 2
    assert results(output, 'b')[1]


@pytest.mark.slow
def test_a_video_that_takes_every_worker_with_it_fails_alone(run):
    from cluster_videos import BadVideo, DeadlyVideo, WitnessVideo

    output, records, standings, opened = run(a=DeadlyVideo, b=WitnessVideo, c=BadVideo)
    assert records['b'].error is None
    assert f'lost {RETRIES + 1} times' in records['a'].error
    assert len(opened['a']) == RETRIES + 1
    assert records['c'].error == 'bag c is damaged; repair it'
    assert len(opened['c']) == 1, 'what is wrong with the video is not tried again'
    assert standings[-1].failed == 2
    assert read_video(output, 'tracker', 'a').error == records['a'].error
    assert not (output / 'a').exists()


@pytest.mark.slow
def test_a_machine_that_is_lost_leaves_its_video_to_another(cluster, data, choice, tmp_path):
    import threading
    import time

    from cluster_videos import SlowVideo, WitnessVideo

    output, witness = tmp_path / 'output', tmp_path / 'witness'
    for folder in (output, witness):
        folder.mkdir()
    doomed = cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20, resources={'doomed': 1})

    def remove_when_busy() -> None:
        while not any(f.read_text() == doomed.node_id for f in witness.iterdir()):
            time.sleep(0.1)
        cluster.remove_node(doomed, allow_graceful=False)

    remover = threading.Thread(target=remove_when_busy, daemon=True)
    remover.start()
    videos = [SlowVideo(name, data, witness) for name in VIDEOS[:3]]
    videos.append(WitnessVideo('d', data, witness))
    jobs = [VideoJob(video, choice, RunSettings(), output) for video in videos]
    records = run_on_ray(cluster.address, jobs)
    remover.join(30)
    assert not remover.is_alive()
    assert sorted(record.video for record in records if record.error is None) == list(VIDEOS)
    assert len(list(witness.iterdir())) > len(VIDEOS), 'one video was begun twice'


@pytest.mark.slow
def test_a_device_that_no_machine_has_is_refused(cluster, data, choice, tmp_path):
    on_gpu = dataclasses.replace(choice, device='cuda')
    jobs = [VideoJob(video, on_gpu, RunSettings(), tmp_path) for video in open_videos(data)]
    with pytest.raises(RayClusterError, match=r'no machine of the Ray .* has 1 CPU and 1 GPU'):
        run_on_ray(cluster.address, jobs)


@pytest.mark.slow
def test_what_a_worker_does_not_find_is_said_for_every_video(cluster, data, choice, tmp_path):
    nowhere = tmp_path / 'nowhere'
    jobs = [VideoJob(video, choice, RunSettings(), nowhere) for video in open_videos(data)[:1]]
    (record,) = run_on_ray(cluster.address, jobs)
    assert f'has no folder {nowhere}' in record.error
    assert 'the same paths' in record.error
    empty = dataclasses.replace(choice, checkpoint=tmp_path / 'none.safetensors')
    nowhere.mkdir(exist_ok=True)
    jobs = [VideoJob(video, empty, RunSettings(), nowhere) for video in open_videos(data)[:1]]
    (record,) = run_on_ray(cluster.address, jobs)
    assert 'none.safetensors' in record.error
    assert 'lost' not in record.error
