# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One thread that runs one network for several trackers; images that wait are encoded in a batch.

CUDA graphs belong to the thread that captured them, so what several trackers share of them has to
be run by one.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import torch

from surgsam2_ros.network import ImageFeatures
from surgsam2_ros.network.current_device import use_device
from surgsam2_ros.network.instrument_detector import DetectorMaps
from surgsam2_ros.tracking.detector import HeadRunner
from surgsam2_ros.tracking.engines import Encoder, Engine, Stepper

PATIENCE_S = 0.004
"""Longest that the thread stands idle for the images of others: a stereo pair comes within less."""


class NetworkThread:
    """Runs what trackers ask for, each of which waits for its answer.

    Nobody waits for a tracker that sends nothing: images are encoded as soon as all members that
    were in one of the last `most` batches have sent one, and when the thread had nothing to do for
    `patience_s` in any case.

    Args:
        encoder: takes a batch where it `batches`, else one image at a time.
        most: images of a batch.
        num_threads: of PyTorch on this thread; None leaves that to it.
        device: that it computes on.
        patience_s: see above.
        clock: seconds.

    Attributes:
        batches: sizes of the newest batches that were encoded.
    """

    def __init__(
        self,
        encoder: Encoder,
        most: int,
        *,
        num_threads: int | None = None,
        device: torch.device | str = 'cpu',
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.encoder, self.most = encoder, most
        self.batches: deque[int] = deque(maxlen=1000)
        self._device, self._num_threads = torch.device(device), num_threads
        self._patience_s, self._clock = patience_s, clock
        self._free_s = clock()  # since when the thread has nothing to do but to wait
        self._lately: deque[set[object]] = deque(maxlen=most)  # members of the last batches
        self._state = threading.Condition()
        self._calls: deque[_Call] = deque()
        self._images: deque[_Image] = deque()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name='network', daemon=True)
        self._thread.start()

    def encode(self, member: object, image: torch.Tensor) -> ImageFeatures:
        """Encode an image, uint8 [1, 3, S, S], in a batch with those of other members.

        Raises:
            RuntimeError: the thread was closed.
            whatever the encoder raises, for all images of the batch.
        """
        job = _Image(image, member, self._clock())
        with self._state:
            self._enter(self._images, job)
        return job.answer.result()

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Have a function called by the thread, before images that wait; returns what it does.

        Raises:
            RuntimeError: the thread was closed.
            whatever the function raises.
        """
        job = _Call(function, arguments)
        with self._state:
            self._enter(self._calls, job)
        return job.answer.result()

    def leave(self, member: object) -> None:
        """Wait for no image of this member any more."""
        with self._state:
            for members in self._lately:
                members.discard(member)
            self._state.notify_all()

    def close(self) -> None:
        """End the thread after what it is at; what waits fails."""
        with self._state:
            self._closed = True
            self._state.notify_all()

    def _enter(self, queue: deque, job: _Job) -> None:
        """Let a job wait. Holds the state."""
        if self._closed:
            raise RuntimeError('the network was given back; configure the node')
        queue.append(job)
        self._state.notify_all()

    def _run(self) -> None:
        if self._num_threads is not None:
            torch.set_num_threads(self._num_threads)
        use_device(self._device)
        while jobs := self._next():
            self._do(jobs)
            jobs.clear()  # the answers belong to those who wait for them
            self._free_s = self._clock()

    @torch.inference_mode()
    def _do(self, jobs: list[_Job]) -> None:
        try:
            if isinstance(jobs[0], _Call):
                answers = [jobs[0].function(*jobs[0].arguments)]
            else:
                answers = self._encoded([job.image for job in jobs])
        except BaseException as error:
            for job in jobs:
                job.answer.set_exception(error)
            return
        for job, answer in zip(jobs, answers, strict=True):
            job.answer.set_result(answer)

    def _encoded(self, images: Sequence[torch.Tensor]) -> list[ImageFeatures]:
        self.batches.append(len(images))
        if len(images) == 1:
            return [self.encoder.encode(images[0])]
        features = self.encoder.encode(torch.cat(list(images)))
        return [
            ImageFeatures(*(part[row : row + 1] for part in features)) for row in range(len(images))
        ]

    def _next(self) -> list[_Job]:
        """Wait for what is to be done next; nothing when the thread is to end."""
        with self._state:
            while not self._closed:
                if self._calls:
                    return [self._calls.popleft()]
                wait_s = self._wait_s()
                if wait_s is not None and wait_s <= 0:
                    return self._take_images()
                self._state.wait(wait_s)
            for job in (*self._calls, *self._images):
                job.answer.set_exception(RuntimeError('the network was given back meanwhile'))
            return []

    def _take_images(self) -> list[_Job]:
        """Take the images of the next batch. Holds the state."""
        number = self.most if getattr(self.encoder, 'batches', False) else 1
        batch = [self._images.popleft() for _ in range(min(number, len(self._images)))]
        self._lately.append({image.member for image in batch})
        return batch

    def _wait_s(self) -> float | None:
        """How long the images may still wait for others [s]; None where there is none."""
        if not self._images:
            return None
        if not getattr(self.encoder, 'batches', False):
            return 0.0
        members = set().union({image.member for image in self._images}, *self._lately)
        if len(self._images) >= min(len(members), self.most):
            return 0.0
        return max(self._images[0].came_s, self._free_s) + self._patience_s - self._clock()


class _Job:
    def __init__(self) -> None:
        self.answer: Future = Future()


class _Image(_Job):
    def __init__(self, image: torch.Tensor, member: object, came_s: float) -> None:
        super().__init__()
        self.image, self.member, self.came_s = image, member, came_s


class _Call(_Job):
    def __init__(self, function: Callable[..., Any], arguments: tuple) -> None:
        super().__init__()
        self.function, self.arguments = function, arguments


class SharedEncoder:
    """One tracker's way to the encoder of a `NetworkThread`."""

    def __init__(self, thread: NetworkThread) -> None:
        self._thread = thread

    @property
    def name(self) -> str:
        """What users know the encoder by."""
        return self._thread.encoder.name

    @property
    def needs_warm_up(self) -> bool:
        """Whether the encoder has something to make ready."""
        return getattr(self._thread.encoder, 'needs_warm_up', False)

    def warm_up(self, image: torch.Tensor) -> None:
        """Let it do so for batches of each size, largest first, as far as that was not done."""
        encoder = self._thread.encoder
        largest = self._thread.most if getattr(encoder, 'batches', False) else 1
        for number in range(largest, 0, -1):
            self._thread.run(encoder.warm_up, image.repeat(number, 1, 1, 1))

    def encode(self, image: torch.Tensor) -> ImageFeatures:
        """Encode an image."""
        return self._thread.encode(self, image)

    def leave(self) -> None:
        """Be waited for no more."""
        self._thread.leave(self)


class _Shared:
    """What a `NetworkThread` runs for one tracker of several: a stepper or a head."""

    def __init__(self, thread: NetworkThread, runner: Stepper | HeadRunner) -> None:
        self._thread, self._runner = thread, runner

    @property
    def name(self) -> str:
        """What users know it by."""
        return self._runner.name

    @property
    def needs_warm_up(self) -> bool:
        """Whether it has something to make ready."""
        return getattr(self._runner, 'needs_warm_up', False)

    def warm_up(self, *arguments: Any) -> None:
        """Let it do so."""
        self._thread.run(self._runner.warm_up, *arguments)


class SharedStepper(_Shared):
    """A stepper that the thread runs."""

    def track(self, *arguments: Any) -> Any:
        """Track; as `Stepper.track`."""
        return self._thread.run(self._runner.track, *arguments)


class SharedHead(_Shared):
    """The head of a detector that the thread runs where it was captured there."""

    def look(self, features: ImageFeatures) -> DetectorMaps:
        """Run the head; plain PyTorch does not need the thread."""
        if not self.needs_warm_up:
            return self._runner.look(features)
        return self._thread.run(self._runner.look, features)


def on_thread(thread: NetworkThread, stepper: Stepper) -> Engine:
    """Return an engine for one more tracker, run by the thread."""
    return Engine(SharedEncoder(thread), SharedStepper(thread, stepper))
