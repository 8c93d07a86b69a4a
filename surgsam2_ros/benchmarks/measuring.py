# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Time by time and count by count: interleaved steps, stages, operations, FLOPs, waits."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count, sdpa_flop_count

from surgsam2_ros.network.linear import linear

_WAITS = ('_local_scalar_dense', 'nonzero', 'equal', 'is_nonzero', 'masked_select')
_GROUPS = 5  # place of the number of groups behind x in a convolution that adds nothing
_VIEWS_OF_NOTHING = ('detach', 'lift_fresh')


@dataclass
class Timing:
    """Milliseconds of every step of one contender.

    Attributes:
        wall_ms: time on the clock, from a device at rest until it is at rest again.
        cpu_ms: time of all threads of the process.
    """

    wall_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    @property
    def median_ms(self) -> float:
        """Median time on the clock."""
        return statistics.median(self.wall_ms)

    @property
    def p99_ms(self) -> float:
        """Time on the clock that 99 % of the steps do not exceed, by nearest rank."""
        return sorted(self.wall_ms)[math.ceil(0.99 * len(self.wall_ms)) - 1]

    def add(self, wall_s: float, cpu_s: float) -> None:
        """Note one step."""
        self.wall_ms.append(1e3 * wall_s)
        self.cpu_ms.append(1e3 * cpu_s)


@contextmanager
def timed(timing: Timing, device: torch.device | None = None) -> Iterator[None]:
    """Add what the block takes; work on a GPU, of all its streams, is waited for.

    Args:
        timing: that gets it.
        device: where the block computes; None is PyTorch's current device.
    """
    wait_for(device)
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    wait_for(device)
    timing.add(time.perf_counter() - wall, time.process_time() - cpu)


def wait_for(device: torch.device | None) -> None:
    """Wait until a GPU is at rest; a CPU always is, and a GPU that is not in use is left alone."""
    if device is not None and device.type != 'cuda':
        return
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.synchronize(device)


def interleave(
    steps: Mapping[str, Callable[[], None]], rounds: int, device: torch.device | None = None
) -> dict[str, Timing]:
    """Take the steps in turns, A B A B …, so that a slow minute of the machine meets them all.

    Args:
        steps: by name.
        rounds: how often each is taken.
        device: where all of them compute; None is PyTorch's current device.
    """
    timings = {name: Timing() for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            with timed(timings[name], device):
                step()
    return timings


def ratio(slow: list[float], fast: list[float]) -> float:
    """How many times longer the first takes: median of the ratios of neighbouring steps."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


@contextmanager
def stage_times(
    stages: Mapping[str, tuple[Any, str]], device: torch.device | None = None
) -> Iterator[dict[str, Timing]]:
    """Time functions of objects while the block runs; a step may call each several times.

    Args:
        stages: title -> (owner, name of its function).
        device: where they compute; None is PyTorch's current device.

    Yields:
        title -> timing of every call.
    """
    timings = {title: Timing() for title in stages}
    with ExitStack() as restored:
        for title, (owner, name) in stages.items():
            function = getattr(owner, name)
            if name in vars(owner):  # such as a compiled function in front of the class's own
                restored.callback(setattr, owner, name, function)
            else:
                restored.callback(delattr, owner, name)
            setattr(owner, name, _with_timing(function, timings[title], device))
        yield timings


def _with_timing(function: Callable, timing: Timing, device: torch.device | None) -> Callable:
    def call(*args: Any, **kwargs: Any) -> Any:
        with timed(timing, device):
            return function(*args, **kwargs)

    return call


@dataclass(frozen=True)
class Counts:
    """What one step asked of the machine.

    Attributes:
        gflop: billions of floating-point operations in matrix products, convolutions and
            attention, a multiply-add counted as two.
        operations: PyTorch operations that reached a backend, views included.
        waits: operations for which the host waits for the device (on a CPU: would wait).
    """

    gflop: float
    operations: int
    waits: int


class _OperationCounter(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.operations = self.waits = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name not in _VIEWS_OF_NOTHING:
            self.operations += 1
        self.waits += name in _WAITS
        return func(*args, **(kwargs or {}))


def _attention_flops(query, key, value, *args, **kwargs) -> int:
    return sdpa_flop_count(query, key, value)


def _linear_flops(x_shape, weight_shape, *args, **kwargs) -> int:
    return 2 * math.prod(x_shape) * weight_shape[0]


def _convolution_flops(x_shape, *arguments, out_shape, **kwargs) -> int:
    # What is to be added to the result, if anything, comes before the weight.
    adds = not isinstance(arguments[_GROUPS], int)
    return conv_flop_count(x_shape, arguments[1 if adds else 0], out_shape)


# PyTorch counts the kernels of GPUs and its own alone. These are private: a version may lack some.
_MORE_FLOPS = {
    getattr(operators, name): flops
    for operators, name, flops in (
        (torch.ops.aten, '_scaled_dot_product_flash_attention_for_cpu', _attention_flops),
        (torch.ops.mkldnn, '_linear_pointwise', _linear_flops),
        (torch.ops.mkldnn, '_convolution_pointwise', _convolution_flops),
    )
    if hasattr(operators, name)
}


def count(step: Callable[[], None]) -> Counts:
    """Take a step and count."""
    flops = FlopCounterMode(display=False, custom_mapping=_MORE_FLOPS)
    counter = _OperationCounter()
    with flops, counter:
        step()
    return Counts(flops.get_total_flops() / 1e9, counter.operations, counter.waits)


def peak_gflops(device: torch.device, size: int = 1536, rounds: int = 5) -> float:
    """Billions of operations a second that a large float32 matrix product reaches here.

    It is the faster of PyTorch's own product and that of our large layers: on some CPUs the
    library behind the first leaves half of the vector units idle.
    """
    a = torch.randn(size, size, device=device)
    products = {'plain': lambda: a @ a, 'layer': lambda: linear(a, a)}
    with torch.inference_mode():
        interleave(products, 1, device)
        timings = interleave(products, rounds, device)
    fastest = min(min(timing.wall_ms) for timing in timings.values())
    return 2 * size**3 / fastest / 1e6
