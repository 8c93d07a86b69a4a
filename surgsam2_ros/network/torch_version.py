# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The oldest PyTorch that will do."""

from __future__ import annotations

import re

import torch

MINIMUM = (2, 7)
"""`torch.compiler.is_exporting`, which the default network asks, came with 2.7.

Before 2.6 a checkpoint could run code in spite of `weights_only` (CVE-2025-32434).
"""


class TorchVersionError(RuntimeError):
    """The PyTorch that is installed is too old."""


def require_torch(version: str | None = None) -> None:
    """Check the PyTorch that is installed, or the one of a version such as '2.13.0+cpu'.

    Raises:
        TorchVersionError: it is too old.
    """
    version = version or torch.__version__
    numbers = re.match(r'(\d+)\.(\d+)', version)
    if numbers and (int(numbers[1]), int(numbers[2])) < MINIMUM:
        least = '.'.join(map(str, MINIMUM))
        raise TorchVersionError(
            f'torch {version} is too old, {least} or newer is needed; install it, for example '
            f'with: pip install "torch>={least}"'
        )
