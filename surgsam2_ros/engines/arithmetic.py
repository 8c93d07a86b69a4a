# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which arithmetic and which capture a device gets when the choice is left to us.

The choice is a function of a description of the device, so that it can be tested without one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

AUTO = 'auto'
OFF = 'off'


@dataclass(frozen=True)
class DeviceDescription:
    """What matters about a device here.

    Attributes:
        type: 'cpu' or 'cuda'.
        name: what its maker calls it; empty for a CPU.
        has_bf16: whether it multiplies bfloat16 in hardware that is faster than its float32.
            No CPU counts: some promise it and emulate it.
    """

    type: str
    name: str = ''
    has_bf16: bool = False

    @classmethod
    def of(cls, device: str | torch.device) -> DeviceDescription:
        """Describe a device that is there; a GPU must be the current one."""
        device = torch.device(device)
        if device.type != 'cuda':
            return cls(device.type)
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        return cls(device.type, torch.cuda.get_device_name(device), has_bf16)


@dataclass(frozen=True)
class Arithmetic:
    """How the network computes.

    Attributes:
        precision: 'fp32', 'bf16' or 'fp16'; see `network.load_network`.
        compile: 'off', or how the network is captured; see `engines.captured`.
        tf32: whether float32 products and convolutions of a GPU may round their factors to 10
            bits (TF32). Of no effect on a CPU.
    """

    precision: str
    compile: str
    tf32: bool

    def describe(self, device: DeviceDescription) -> str:
        """Say it in a few words for a log."""
        if device.type == 'cpu':
            return self.precision
        return f'{device.name}, {self.precision}, TF32 {"on" if self.tf32 else "off"}'

    def apply(self, device: DeviceDescription) -> None:
        """Set what PyTorch keeps for the whole process: TF32, on a GPU alone.

        Convolutions have it by default, products have not.
        """
        if device.type == 'cuda':
            torch.backends.cuda.matmul.allow_tf32 = self.tf32
            torch.backends.cudnn.allow_tf32 = self.tf32


def choose_arithmetic(
    device: DeviceDescription,
    *,
    precision: str = AUTO,
    compile: str = AUTO,
    profile: str = 'exact',
    backend: str = 'torch',
) -> Arithmetic:
    """Replace what is 'auto' by what suits the device; what is named stays.

    Args:
        device: where the network runs.
        precision: 'auto' is bf16 on a GPU that has it, as the official code computes there, and
            fp32 elsewhere. ONNX Runtime runs float32 alone.
        compile: 'auto' is 'cuda_graphs' on a GPU, and 'off' on a CPU and with ONNX Runtime.
        profile: 'fast' lets a GPU round float32 to TF32; 'exact' does not.
        backend: 'torch' or 'onnx'.
    """
    on_gpu, by_torch = device.type == 'cuda', backend == 'torch'
    if precision == AUTO:
        precision = 'bf16' if by_torch and device.has_bf16 else 'fp32'
    if compile == AUTO:
        compile = 'cuda_graphs' if by_torch and on_gpu else OFF
    return Arithmetic(precision, compile, tf32=on_gpu and profile == 'fast')
