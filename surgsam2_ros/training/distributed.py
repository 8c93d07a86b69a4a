# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where a training runs: Lightning Fabric for one CPU, one GPU, or many through torchrun."""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import warnings
from collections.abc import Iterator

import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy

from surgsam2_ros.training.config import TrainingConfig

PATIENCE = datetime.timedelta(hours=2)  # for the first process, which may render clips


class DeviceError(RuntimeError):
    """Devices that a training asks for and this machine does not have."""


class LostProcessError(RuntimeError):
    """Another process of the training has ended, so that this one cannot go on."""


@contextlib.contextmanager
def lost_processes_named(fabric: Fabric) -> Iterator[None]:
    """Say in a line that another process has ended, where gloo or NCCL would say it in sixty.

    The process that failed tells what went wrong; its words must not drown in those of the others.

    Raises:
        LostProcessError: instead of the error of a broken connection.
    """
    try:
        yield
    except RuntimeError as error:  # gloo raises no class of its own
        if isinstance(error, dist.DistError) or 'gloo' in str(error):
            raise LostProcessError(
                f'process {fabric.global_rank} ends since another process of the training has '
                'ended; that one says why'
            ) from error
        raise


def create_fabric(config: TrainingConfig) -> Fabric:
    """Choose devices and precision.

    Under torchrun the number of processes is torchrun's, else `devices` times `num_nodes`.

    Raises:
        DeviceError: when there is no such GPU, or the clips of a step cannot be shared out.
    """
    device = config.device
    if device == 'auto':
        device = 'cuda' if torch.cuda.is_available() else 'cpu'
    if device == 'cuda' and not torch.cuda.is_available():
        raise DeviceError(
            'device cuda: no GPU was found here (nvidia-smi lists them, and torch must be a CUDA '
            'build); use device=cpu or device=auto'
        )
    devices, nodes = config.devices, config.num_nodes
    if dist.is_torchelastic_launched():
        world = int(os.environ['WORLD_SIZE'])
        devices = int(os.environ['LOCAL_WORLD_SIZE'])
        nodes = world // devices
    if device == 'cuda' and devices > torch.cuda.device_count():
        raise DeviceError(
            f'{devices} GPUs are wanted, {torch.cuda.device_count()} are here; lower devices, or '
            'the --nproc-per-node of torchrun'
        )
    world = devices * nodes
    groups = config.clips_per_step // (config.clips_at_once or 1)
    if groups % world:
        raise DeviceError(
            f'clips_per_step {config.clips_per_step}, {config.clips_at_once or "any number"} at '
            f'once, cannot be shared out evenly over {world} processes; choose a multiple of '
            f'{world}'
        )
    precision = config.precision
    if precision == 'auto':
        has_bf16 = device == 'cuda' and torch.cuda.is_bf16_supported(including_emulation=False)
        precision = 'bf16' if has_bf16 else 'fp32'
    logging.getLogger('lightning_fabric').setLevel(logging.WARNING)
    warnings.filterwarnings('ignore', message='.*find_unused_parameters=True was specified.*')
    strategy = 'auto'
    if world > 1:
        # Which parts of the network a step uses depends on its prompts.
        strategy = DDPStrategy(find_unused_parameters=True, timeout=PATIENCE)
    return Fabric(
        accelerator=device,
        devices=devices,
        num_nodes=nodes,
        strategy=strategy,
        precision={'fp32': '32-true', 'bf16': 'bf16-mixed'}[precision],
    )


def gather(fabric: Fabric, items: list) -> list:
    """Join the lists of all processes, in the order of the processes."""
    if fabric.world_size == 1:
        return items
    parts: list[list | None] = [None] * fabric.world_size
    dist.all_gather_object(parts, items)
    return [item for part in parts for item in part]
