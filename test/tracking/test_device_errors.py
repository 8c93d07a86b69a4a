# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which errors mean that the device is of no more use to the process."""

from __future__ import annotations

import pytest
import torch

from surgsam2_ros.tracking.device_errors import is_device_lost


@pytest.mark.parametrize(
    'text',
    [
        'CUDA error: an illegal memory access was encountered\nCompile with TORCH_USE_CUDA_DSA',
        'CUDA error: unspecified launch failure',
        'CUDA error: device-side assert triggered',
    ],
)
def test_an_error_that_cuda_keeps_loses_the_device(text):
    assert is_device_lost(RuntimeError(text))


@pytest.mark.parametrize(
    'error',
    [
        torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB'),
        RuntimeError('CUDA error: out of memory'),
        RuntimeError('The size of tensor a (3) must match the size of tensor b (4)'),
        KeyError('CUDA error: this is no error of torch'),
    ],
)
def test_other_errors_may_be_over_with_the_next_image(error):
    assert not is_device_lost(error)
