# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The bounds of parity: what is no number, and what a mistake or a rounding does to them."""

from __future__ import annotations

import math

import pytest
import torch

from surgsam2_ros.benchmarks.gpu_check.parity import distance, distances, exact_float32

TRUTH = [torch.tensor([[1.0, -3.0]]), torch.tensor([[2.0, -2.0]]), torch.tensor([[4.0, 4.0]])]


def test_the_distance_is_that_of_the_middle_frame_in_parts_of_the_size_of_its_logits():
    found = [TRUTH[0] + 0.2, TRUTH[1] + 1.0, TRUTH[2]]
    assert distances(found, TRUTH) == pytest.approx([0.1, 0.5, 0.0])
    assert distance(found, TRUTH) == pytest.approx(0.1)


def test_what_is_no_number_is_infinitely_far():
    broken = [frame * torch.nan for frame in TRUTH]
    assert distance(broken, TRUTH) == math.inf


def test_float32_is_kept_within_the_block_alone():
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        with exact_float32():
            assert not torch.backends.cuda.matmul.allow_tf32
            assert not torch.backends.cudnn.allow_tf32
        assert torch.backends.cuda.matmul.allow_tf32
        assert torch.backends.cudnn.allow_tf32
    finally:
        torch.backends.cuda.matmul.allow_tf32 = False
