# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Chooses by measurement, while configuring, what no description of a machine tells.

Two threads are slower than one where other processes want the cores, and an encoder in 8 bits is
where ONNX Runtime has less of the processor than PyTorch. Both are tried on the machine as it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

import torch

from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.tracking.engines import EagerEncoder, Encoder, Engine

LEAST_ROUNDS, MOST_ROUNDS = 3, 9
ENOUGH_S = 1.0
"""After so long no further round is begun, once there were the fewest."""
MARGIN = 0.1
"""Share by which another way has to be faster than the first one to be taken."""


@dataclass(frozen=True)
class Measured:
    """What came of a measurement.

    Attributes:
        chosen: name of the way that is taken.
        ms: median milliseconds of each.
    """

    chosen: str
    ms: Mapping[str, float]

    def __str__(self) -> str:
        """Write it for people."""
        others = ', '.join(f'{n} {ms:.1f} ms' for n, ms in self.ms.items() if n != self.chosen)
        return f'{self.chosen} {self.ms[self.chosen]:.1f} ms, {others}'


def measure(
    ways: Mapping[str, Callable[[], object]], clock: Callable[[], float] = time.perf_counter
) -> Measured:
    """Try ways in turns, after one round that does not count, and choose.

    Args:
        ways: by name; the first is taken unless another is faster by `MARGIN`.
        clock: seconds.
    """
    for way in ways.values():
        way()
    spent: dict[str, list[float]] = {name: [] for name in ways}
    begin = clock()
    for done in range(MOST_ROUNDS):
        if done >= LEAST_ROUNDS and clock() - begin >= ENOUGH_S:
            break
        for name, way in ways.items():
            before = clock()
            way()
            spent[name].append(1e3 * (clock() - before))
    ms = {name: median(values) for name, values in spent.items()}
    first, fastest = next(iter(ms)), min(ms, key=ms.__getitem__)
    return Measured(fastest if ms[fastest] <= (1 - MARGIN) * ms[first] else first, ms)


def use_measured_threads(
    network: SurgSAM2, most: int, say: Callable[[str], None], measure: Callable = measure
) -> None:
    """Give the network's thread one thread or `most`, whichever encodes an image faster now.

    Args:
        network: on the CPU.
        most: threads that it may have.
        say: called with a sentence for people.
        measure: see there.
    """
    torch.set_num_threads(most)
    if most == 1:
        return
    encode = _encoding(EagerEncoder(network), network)

    def with_threads(number: int) -> Callable[[], None]:
        def run() -> None:
            torch.set_num_threads(number)
            encode()

        return run

    numbers = {'1 thread': 1, f'{most} threads': most}
    found = measure({name: with_threads(number) for name, number in numbers.items()})
    torch.set_num_threads(numbers[found.chosen])
    say(f'the network gets {found.chosen}: {found} an image')


def without_slow_8_bits(
    engine: Engine, network: SurgSAM2, say: Callable[[str], None], measure: Callable = measure
) -> Engine:
    """Return the engine, with the float32 encoder where that in 8 bits is no faster.

    Args:
        engine: of profile `fast` on a CPU.
        network: that it runs.
        say: called with a sentence for people.
        measure: see there.
    """
    plain = EagerEncoder(network)
    if engine.encoder.name == plain.name:
        return engine
    eight = engine.encoder.name
    encoders = {plain.name: plain, eight: engine.encoder}
    found = measure({name: _encoding(one, network) for name, one in encoders.items()})
    if found.chosen == eight:
        return engine
    say(f'profile fast keeps the encoder in float32, which is as fast here: {found} an image')
    return Engine(plain, engine.stepper)


def encodes_faster_together(
    encoder: Encoder,
    network: SurgSAM2,
    cameras: int,
    say: Callable[[str], None],
    measure: Callable = measure,
) -> bool:
    """Whether the images of several cameras are encoded faster in one batch than side by side.

    On a GPU, whose kernels are larger then, they may be; on a CPU the threads of the cameras have a
    core each.

    Args:
        encoder: of the network.
        network: its weights.
        cameras: images that come at the same moment.
        say: called with a sentence for people.
        measure: see there.
    """
    if cameras < 2 or not getattr(encoder, 'batches', False):
        return False
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(
        cameras, initializer=torch.set_num_threads, initargs=(threads,)
    ) as pool:
        one, all_of_them = (_encoding(encoder, network, number) for number in (1, cameras))

        def side_by_side() -> None:
            for done in [pool.submit(one) for _ in range(cameras)]:
                done.result()

        found = measure({'side by side': side_by_side, 'in one batch': all_of_them})
    say(f'images of {cameras} cameras are encoded {found.chosen}: {found}')
    return found.chosen == 'in one batch'


def _encoding(encoder: Encoder, network: SurgSAM2, images: int = 1) -> Callable[[], None]:
    image = torch.zeros(images, 3, network.image_size, network.image_size, dtype=torch.uint8)

    def encode() -> None:
        with torch.inference_mode():
            encoder.encode(image)
            if network.device.type == 'cuda':
                torch.cuda.synchronize(network.device)

    return encode
