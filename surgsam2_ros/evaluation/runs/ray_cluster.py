# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Spreads the videos of an evaluation over a Ray cluster; Ray does the scheduling.

Each video is one task, which reads and writes the same files as on one machine. Hence inputs,
weights and output must lie under the same paths on every machine, as on a network share, and
surgsam2_ros must be installed on each.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from surgsam2_ros.evaluation.records import VideoRecord
    from surgsam2_ros.evaluation.runs.jobs import Standing, VideoJob

INSTALL = 'pip install ray==2.60.0'
RETRIES = 3
"""How often a video is begun again when the worker or the machine that had it is lost."""
_POLL_S = 0.2
_CONNECT_S = 10.0
_HOST_PORT = re.compile(r'(?:ray://)?\[?([^/]+?)\]?:(\d+)')


class RayClusterError(RuntimeError):
    """A cluster cannot be used; the message says why and what to do."""


def run_on_ray(
    address: str,
    jobs: Sequence[VideoJob],
    *,
    on_standing: Callable[[Standing], None] = lambda standing: None,
) -> list[VideoRecord]:
    """Evaluate videos on a cluster, with the same results as on one machine.

    A task takes as many cores as the network has threads, and a GPU where the network uses one. A
    video whose worker is lost is begun again elsewhere, up to RETRIES times, then it has failed.

    Args:
        address: of the cluster: HOST:PORT, ray://HOST:PORT, `auto` for the one this machine belongs
            to, or `local` for one that is started here and ends with the run.
        jobs: one per video.
        on_standing: called after every video.

    Returns:
        The records in the order in which the videos were finished.

    Raises:
        RayClusterError: when Ray is not installed or the cluster cannot be reached, or has no
            machine that a task fits on.
    """
    from surgsam2_ros.evaluation.records import write_video
    from surgsam2_ros.evaluation.runs.attempts import failure
    from surgsam2_ros.evaluation.runs.jobs import Tally

    tally = Tally(len(jobs))
    with _cluster(address) as ray:
        waiting = _submit(ray, address, jobs)
        while waiting:
            done, _ = ray.wait(list(waiting), timeout=_POLL_S)
            for task in done:
                index = waiting.pop(task)
                job = jobs[index]
                try:
                    record = ray.get(task)
                except ray.exceptions.RayError as error:
                    record = failure(job.video, job.through, job.output, _describe(error))
                    write_video(job.output, record)
                tally.note(index, len(record.stems), len(record.stems))
                tally.finish(index, record)
                on_standing(tally.standing())
    return tally.records


@contextlib.contextmanager
def _cluster(address: str) -> Iterator[Any]:
    """Connect to the cluster and yield the module `ray`; what still runs ends with the block."""
    try:
        import ray
    except ImportError as error:
        raise RayClusterError(
            f'--ray needs Ray, which cannot be imported ({error}); `{INSTALL}` installs it'
        ) from error
    try:
        _knock(address)
        ray.init(address, log_to_driver=False, logging_level='ERROR')
    except Exception as error:  # Ray raises many kinds, and bare ones
        reason = _first_line(error)
        raise RayClusterError(
            f'there is no Ray cluster to be reached at {address!r}: {reason}; start one with '
            '`ray start --head` and give its HOST:PORT, or use --ray local'
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Connect to HOST:PORT for a moment: Ray itself tries for minutes, then ends the process.

    Raises:
        OSError: when nobody answers.
    """
    match = _HOST_PORT.fullmatch(address)
    if match is not None:
        socket.create_connection((match[1], int(match[2])), _CONNECT_S).close()


def _submit(ray: Any, address: str, jobs: Sequence[VideoJob]) -> dict[Any, int]:
    """Start a task for every video; returns their indices."""
    if not jobs:
        return {}
    network = jobs[0].network
    needs = {'CPU': float(network.threads)}
    if network.device.startswith('cuda'):
        needs['GPU'] = 1.0
    machines = [machine['Resources'] for machine in ray.nodes() if machine['Alive']]
    if not any(all(m.get(key, 0) >= count for key, count in needs.items()) for m in machines):
        wanted = ' and '.join(f'{count:g} {key}' for key, count in needs.items())
        raise RayClusterError(
            f'no machine of the Ray cluster at {address!r} has {wanted} for a video; use another '
            '--device or fewer --threads'
        )
    task = ray.remote(_run_here).options(
        num_cpus=needs['CPU'],
        num_gpus=needs.get('GPU', 0.0),
        max_retries=RETRIES,
        name='surgsam2 evaluate',
    )
    home = Path.cwd()
    return {task.remote(_with_any_gpu(job), home): index for index, job in enumerate(jobs)}


def _with_any_gpu(job: VideoJob) -> VideoJob:
    """Have a job take the GPU that Ray gives it, which is the only one that its task sees."""
    if not job.network.device.startswith('cuda'):
        return job
    return dataclasses.replace(job, network=dataclasses.replace(job.network, device='cuda'))


def _run_here(job: VideoJob, home: Path) -> VideoRecord:
    """Evaluate one video; runs on a worker.

    Args:
        job: what to do.
        home: the folder that relative paths of the job start from.
    """
    from surgsam2_ros.evaluation.runs.jobs import run_job

    for folder in (home, job.output if job.output.is_absolute() else home / job.output):
        if not folder.is_dir():
            raise FileNotFoundError(
                f'{socket.gethostname()} of the Ray cluster has no folder {folder}; inputs, '
                'weights and output must lie under the same paths on all of its machines'
            )
    os.chdir(home)
    return run_job(job)


def _describe(error: Exception) -> str:
    """Say why there is no record: the worker's own error, or how the worker was lost."""
    cause = getattr(error, 'cause', None)  # what a task raised; a lost worker raised nothing
    if isinstance(cause, OSError) or type(cause).__module__.startswith('surgsam2_ros.'):
        return str(cause)
    if cause is not None:
        return f'{type(cause).__name__}: {_first_line(cause)}'
    times = f'{RETRIES + 1} times; the last time: {_first_line(error)}'
    return f'the worker that had this video was lost {times}'


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip('.')
