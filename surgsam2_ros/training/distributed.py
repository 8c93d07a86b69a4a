# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Averaging of gradients over training processes on one machine (gloo)."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor


def run_processes(target: Callable[..., None], processes: int, arguments: tuple) -> None:
    """Run `target(*arguments)` in so many processes that can average gradients, and wait for them.

    Raises:
        ProcessRaisedException: with the traceback of the first process that failed.
    """
    if processes == 1:
        target(*arguments)
        return
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    mp.spawn(_enter, (processes, port, target, arguments), nprocs=processes)


def _enter(
    rank: int, processes: int, port: int, target: Callable[..., None], arguments: tuple
) -> None:
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    dist.init_process_group('gloo', rank=rank, world_size=processes)
    try:
        target(*arguments)
    finally:
        dist.destroy_process_group()


def rank() -> int:
    """Return the number of this process, 0 when there is only one."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """Return the number of processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


def sum_over_processes(values: Tensor) -> Tensor:
    """Sum a tensor over the processes, in place."""
    if dist.is_initialized():
        dist.all_reduce(values)
    return values


def broadcast_from_first(value: float) -> float:
    """Return the first process' value in every process, so that all decide alike."""
    tensor = torch.tensor([value if rank() == 0 else 0.0], dtype=torch.float64)
    return float(sum_over_processes(tensor))


class FlatGradients:
    """The gradients of all parameters as views of one buffer, handled at once."""

    def __init__(self, parameters: Sequence[Tensor]):
        self.buffer = torch.zeros(sum(parameter.numel() for parameter in parameters))
        start = 0
        for parameter in parameters:
            end = start + parameter.numel()
            parameter.grad = self.buffer[start:end].view_as(parameter)
            start = end

    def zero(self) -> None:
        """Forget the gradients."""
        self.buffer.zero_()

    def average(self) -> None:
        """Average over the processes."""
        sum_over_processes(self.buffer).div_(world_size())

    def clip(self, norm: float) -> float:
        """Scale the gradients down to a norm, zero them if not finite; return the norm before."""
        length = float(self.buffer.norm())
        if not length < float('inf'):
            self.buffer.zero_()
        elif length > norm:
            self.buffer.mul_(norm / length)
        return length
