# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which errors mean that the device is of no more use to the process."""

from __future__ import annotations

import pytest
import torch

from surgsam2_ros.network.device_errors import is_device_lost, is_out_of_memory

# As CUDA names them (cudaGetErrorString) and PyTorch passes them on.
STICKY = [
    'an illegal memory access was encountered',
    'an illegal instruction was encountered',
    'misaligned address',
    'unspecified launch failure',
    'device-side assert triggered',
    'the launch timed out and was terminated',
    'uncorrectable ECC error encountered',
    'unknown error',
    'CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm( handle)`',
]
REFUSED = [
    'operation not permitted when stream is capturing',
    'operation failed due to a previous error during capture',
    'invalid configuration argument',
    'no kernel image is available for execution on the device',
]
HINTS = (
    '\nCUDA kernel errors might be asynchronously reported at some other API call, so the '
    'stacktrace below might be incorrect.\nCompile with `TORCH_USE_CUDA_DSA`'
)


@pytest.mark.parametrize('kind', [RuntimeError, torch.AcceleratorError])
@pytest.mark.parametrize('text', STICKY)
def test_an_error_that_cuda_keeps_loses_the_device(kind, text):
    assert is_device_lost(kind(f'CUDA error: {text}{HINTS}'))


@pytest.mark.parametrize('kind', [RuntimeError, torch.AcceleratorError])
@pytest.mark.parametrize('text', REFUSED)
def test_a_call_that_is_refused_leaves_the_device_to_the_next_way(kind, text):
    error = kind(f'CUDA error: {text}{HINTS}')
    assert not is_device_lost(error)
    assert not is_out_of_memory(error)


def test_an_error_of_an_accelerator_that_nobody_knows_loses_it():
    assert is_device_lost(torch.AcceleratorError('something new'))


@pytest.mark.parametrize(
    'error',
    [
        torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB'),
        RuntimeError('CUDA error: out of memory'),
        torch.AcceleratorError('CUDA error: out of memory'),
        RuntimeError('The size of tensor a (3) must match the size of tensor b (4)'),
        KeyError('CUDA error: this is no error of torch'),
    ],
)
def test_other_errors_may_be_over_with_the_next_image(error):
    assert not is_device_lost(error)
