# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What another process uses of the processor, the memory and a GPU, sampled from outside."""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import dataclass

import psutil

from surgsam2_ros.repeated import Repeated

SAMPLE_PERIOD_S = 0.25
DEVICE_PERIOD_S = 2.0  # nvidia-smi itself takes a good part of a second of processor time
_SMI_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class ProcessUsage:
    """What a process used between two moments; None where it cannot be told.

    Attributes:
        cpu_percent: mean time on the processor, all threads, in percent of one core.
        resident_mb: largest resident memory seen [10^6 bytes].
        device_mb: largest GPU memory seen [10^6 bytes]; see UsageSampler.
    """

    cpu_percent: float | None = None
    resident_mb: float | None = None
    device_mb: float | None = None


class UsageSampler:
    """Samples a process from `start` to `stop`, on a thread of its own.

    Args:
        pid: the process.
        on_device: whether it uses an NVIDIA GPU; its memory is asked of nvidia-smi.
        device_before: what all processes used of all GPUs before this one began [bytes], see
            `used_device_bytes`. In a container, where the driver knows the process by another
            number, the growth since then is taken for what it uses.
        period_s: time between samples [s].
    """

    def __init__(
        self,
        pid: int,
        *,
        on_device: bool = False,
        device_before: int | None = None,
        period_s: float = SAMPLE_PERIOD_S,
    ) -> None:
        self._pid = pid
        self._on_device = on_device
        self._device_before = device_before
        self._period_s = period_s
        self._repeated: Repeated | None = None
        self._first: tuple[float, float] | None = None  # (clock, processor time) [s]
        self._last: tuple[float, float] | None = None
        self._resident_bytes: int | None = None
        self._device_bytes: int | None = None
        self._device_asked = 0.0

    def start(self) -> None:
        """Take the first sample and go on sampling."""
        self._sample()
        self._sample_device()
        self._repeated = Repeated('usage_sampler', self._period_s, self._sample_both)

    def stop(self) -> ProcessUsage:
        """Take the last sample; returns what was used since `start`, also when called again."""
        if self._repeated is not None:
            self._repeated.close()
            self._repeated = None
            self._sample()
            self._sample_device()
        return ProcessUsage(
            cpu_percent=self._cpu_percent(),
            resident_mb=_megabytes(self._resident_bytes),
            device_mb=_megabytes(self._device_bytes),
        )

    def _sample_both(self) -> None:
        self._sample()
        if time.monotonic() - self._device_asked >= DEVICE_PERIOD_S:
            self._sample_device()

    def _sample(self) -> None:
        try:
            moment = (time.monotonic(), processor_seconds(self._pid))
            resident = resident_bytes(self._pid)
        except psutil.Error:  # the process has ended
            return
        self._resident_bytes = max(self._resident_bytes or 0, resident)
        self._first = self._first or moment
        self._last = moment

    def _sample_device(self) -> None:
        self._device_asked = time.monotonic()
        used = device_bytes(self._pid) if self._on_device else None
        if self._on_device and used is None and self._device_before is not None:
            by_all = used_device_bytes()
            used = None if by_all is None else max(by_all - self._device_before, 0)
        if used is not None:
            self._device_bytes = max(self._device_bytes or 0, used)

    def _cpu_percent(self) -> float | None:
        if self._first is None or self._last is None or self._last[0] <= self._first[0]:
            return None
        spent = self._last[1] - self._first[1]
        return 100.0 * spent / (self._last[0] - self._first[0])


def _megabytes(largest: int | None) -> float | None:
    return None if largest is None else largest / 1e6


def processor_seconds(pid: int) -> float:
    """Time that all threads of a process have spent on the processor, in user and kernel mode [s].

    Raises:
        psutil.NoSuchProcess: when there is none.
    """
    spent = psutil.Process(pid).cpu_times()
    return spent.user + spent.system


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in RAM, shared pages included [bytes].

    Raises:
        psutil.NoSuchProcess: when there is none.
    """
    return psutil.Process(pid).memory_info().rss


def device_bytes(pid: int) -> int | None:
    """Memory of a process on all NVIDIA GPUs [bytes]; None where nvidia-smi does not tell."""
    rows = _ask_nvidia_smi('--query-compute-apps=pid,used_gpu_memory')
    return _sum_mebibytes([row[1] for row in rows if row[0] == str(pid) and len(row) == 2])


def used_device_bytes() -> int | None:
    """Memory that all processes use on all NVIDIA GPUs [bytes]; None where nobody tells."""
    return _sum_mebibytes([row[0] for row in _ask_nvidia_smi('--query-gpu=memory.used')])


def _ask_nvidia_smi(query: str) -> list[list[str]]:
    """Return the fields of its answer, row by row; no rows where there is no answer."""
    program = shutil.which('nvidia-smi')
    if program is None:
        return []
    command = [program, query, '--format=csv,noheader,nounits']
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=_SMI_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [[field.strip() for field in line.split(',')] for line in answer.stdout.splitlines()]


def _sum_mebibytes(fields: list[str]) -> int | None:
    """Sum the fields that are numbers; None when none is."""
    numbers = [int(field) for field in fields if field.isdigit()]
    return sum(numbers) * 2**20 if numbers else None
