# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Evaluates many videos on one machine, each in a process that has loaded the network once."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, MutableSequence, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from surgsam2_ros.evaluation.records import VideoRecord, write_video
from surgsam2_ros.evaluation.runs.attempts import attempt, failure
from surgsam2_ros.evaluation.runs.settings import NetworkChoice, RunSettings
from surgsam2_ros.evaluation.runs.video import EvaluationVideo

POLL_S = 0.2


@dataclass(frozen=True, eq=False)
class VideoJob:
    """One video to evaluate; it can be sent to another process or machine.

    Attributes:
        video: not opened.
        network, settings: what it is tracked with.
        output: folder of the run.
        through: 'tracker', or the name of a baseline.
    """

    video: EvaluationVideo
    network: NetworkChoice
    settings: RunSettings
    output: Path
    through: str = 'tracker'


@dataclass(frozen=True)
class Standing:
    """How far a run is.

    Attributes:
        videos, failed: finished, and those of them that failed.
        frames: done so far.
        expected: of all videos; those not begun count as long as the mean of the others.
    """

    videos: int
    failed: int
    frames: int
    expected: int


def run_job(
    job: VideoJob, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> VideoRecord:
    """Evaluate one video and write its record; a video that fails gets a record that says so.

    Args:
        job: what to do.
        on_progress: called after every frame with the frames done and all of this video.
    """
    from surgsam2_ros.evaluation.runs.baseline_run import run_baseline
    from surgsam2_ros.evaluation.runs.tracker_run import run_video

    network = load_once(job.network) if job.through == 'tracker' else None

    def run() -> VideoRecord:
        if network is None:
            prompts = job.settings.prompts
            return run_baseline(
                job.video, job.through, prompts, job.output, on_progress=on_progress
            )
        return run_video(job.video, network, job.settings, job.output, on_progress=on_progress)

    return attempt(job.video, job.through, job.output, run)


@lru_cache(maxsize=1)
def load_once(choice: NetworkChoice) -> Any:
    """Return the network, which stays loaded while the same one is asked for."""
    return choice.load()


def run_jobs(
    jobs: Sequence[VideoJob],
    processes: int,
    *,
    on_standing: Callable[[Standing], None] = lambda standing: None,
) -> list[VideoRecord]:
    """Evaluate videos, some of them at once; the results do not depend on how many.

    A process that is killed takes its video with it alone: what ran beside it is begun again.

    Args:
        jobs: one per video.
        processes: how many at once; one runs in this process.
        on_standing: called now and then.

    Returns:
        The records in the order in which the videos were finished.

    Raises:
        KeyboardInterrupt: when interrupted; finished videos stay finished.
    """
    tally = Tally(len(jobs))
    if processes <= 1 or len(jobs) <= 1:
        for index, job in enumerate(jobs):
            tally.finish(index, run_job(job, tally.counter(index, on_standing)))
            on_standing(tally.standing())
        return tally.records
    context = multiprocessing.get_context('spawn')  # torch does not survive a fork
    board = context.RawArray(ctypes.c_int64, 2 * len(jobs))
    tally.board = board
    for finished in _run_in_processes(list(enumerate(jobs)), processes, context, board):
        if finished is not None:
            tally.finish(*finished)
        on_standing(tally.standing())
    return tally.records


class Tally:
    """Counts videos and frames of a run.

    Attributes:
        board: frames done and all frames of each video, one after the other; may be memory that
            processes share, each of which writes the places of its own videos.
        records: of the finished videos.
    """

    def __init__(self, videos: int) -> None:
        self.board: MutableSequence[int] = [0] * (2 * videos)
        self.records: list[VideoRecord] = []
        self._finished: set[int] = set()

    def note(self, index: int, done: int, total: int) -> None:
        """Note the frames of a video, by its position."""
        self.board[2 * index : 2 * index + 2] = [done, total]

    def counter(
        self, index: int, on_standing: Callable[[Standing], None]
    ) -> Callable[[int, int], None]:
        """Return a function that notes the frames of one video, done and all, and tells of it."""

        def count(done: int, total: int) -> None:
            self.note(index, done, total)
            on_standing(self.standing())

        return count

    def finish(self, index: int, record: VideoRecord) -> None:
        """Note a video as finished, well or not; of a failed one no more frames are expected."""
        self.records.append(record)
        self._finished.add(index)
        done = self.board[2 * index]
        self.note(index, done, done)

    def standing(self) -> Standing:
        """Return where the run stands."""
        totals = list(self.board[1::2])
        begun = [total for total in totals if total]
        mean = sum(begun) / len(begun) if begun else 0
        to_come = sum(not t and i not in self._finished for i, t in enumerate(totals))
        return Standing(
            videos=len(self.records),
            failed=sum(record.error is not None for record in self.records),
            frames=sum(self.board[::2]),
            expected=round(sum(totals) + mean * to_come),
        )


def _run_in_processes(
    jobs: list[tuple[int, VideoJob]], processes: int, context: Any, board: Any
) -> Iterator[tuple[int, VideoRecord] | None]:
    """Yield numbers of jobs and records as they come, and None now and then."""
    waiting = deque(jobs)
    while waiting:
        suspects: list[tuple[int, VideoJob]] = []
        yield from _run_pool(waiting, min(processes, len(waiting)), context, board, suspects)
        for suspect in suspects:  # one of them broke the pool: each gets a process of its own
            again: list[tuple[int, VideoJob]] = []
            yield from _run_pool(deque([suspect]), 1, context, board, again)
            if again:
                index, job = suspect
                reason = (
                    'the process that evaluated it was killed, perhaps for want of memory; '
                    'run again with fewer --jobs'
                )
                record = failure(job.video, job.through, job.output, reason)
                write_video(job.output, record)
                yield index, record


def _run_pool(
    waiting: deque[tuple[int, VideoJob]],
    processes: int,
    context: Any,
    board: Any,
    suspects: list[tuple[int, VideoJob]],
) -> Iterator[tuple[int, VideoRecord] | None]:
    """Take jobs from `waiting` until it is empty or a process dies.

    `suspects` gets those under way then; they are few, since each process is given one at a time.
    """
    stop = context.RawValue(ctypes.c_bool, False)
    running: dict[Future, tuple[int, VideoJob]] = {}
    pool = ProcessPoolExecutor(
        processes, mp_context=context, initializer=_start_process, initargs=(board, stop)
    )
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                running[pool.submit(_run_in_process, *waiting[0])] = waiting[0]
                waiting.popleft()
            done, _ = wait(running, POLL_S, FIRST_COMPLETED)
            yield None
            for future in done:
                record = future.result()
                index, _ = running.pop(future)
                yield index, record
    except BrokenProcessPool:
        suspects.extend(running.values())
    finally:
        stop.value = True
        pool.shutdown(wait=True, cancel_futures=True)


_board: Any = None
_stop: Any = None


def _start_process(board: Any, stop: Any) -> None:
    """Prepare a process that notes its progress on a board that it shares."""
    global _board, _stop
    _board, _stop = board, stop
    end_with_parent()


def end_with_parent() -> None:
    """Prepare a process: Ctrl-C is for its parent, without which it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    with contextlib.suppress(AttributeError):
        multiprocessing.parent_process().join()
    os._exit(1)


def _run_in_process(index: int, job: VideoJob) -> VideoRecord:
    def note(done: int, total: int) -> None:
        if _stop.value:
            raise KeyboardInterrupt
        _board[2 * index : 2 * index + 2] = [done, total]

    return run_job(job, note)
