# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Two processes compute the gradient of their joint batch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from surgsam2_ros.training.distributed import (
    FlatGradients,
    broadcast_from_first,
    rank,
    run_processes,
    world_size,
)


def linear_problem(number):
    """Return a layer, equal everywhere, and the batch of one process."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(4, 3)
    return layer, torch.randn(5, 4, generator=torch.Generator().manual_seed(number))


def average_and_save(folder: Path):
    torch.set_num_threads(1)
    layer, batch = linear_problem(rank())
    gradients = FlatGradients(list(layer.parameters()))
    layer(batch).square().mean().backward()
    gradients.average()
    decision = broadcast_from_first(3.5 + rank())
    torch.save(
        {'gradient': gradients.buffer, 'decision': decision, 'world': world_size()},
        folder / f'{rank()}.pt',
    )


def test_two_processes_average_their_gradients_and_decide_alike(tmp_path):
    run_processes(average_and_save, 2, (tmp_path,))
    results = [torch.load(tmp_path / f'{number}.pt') for number in (0, 1)]
    assert torch.equal(results[0]['gradient'], results[1]['gradient'])
    assert [result['decision'] for result in results] == [3.5, 3.5]
    assert [result['world'] for result in results] == [2, 2]
    layer, _ = linear_problem(0)
    joint = torch.cat([linear_problem(number)[1] for number in (0, 1)])
    layer(joint).square().mean().backward()
    expected = torch.cat([parameter.grad.flatten() for parameter in layer.parameters()])
    assert torch.allclose(results[0]['gradient'], expected, atol=1e-6)


def test_one_process_needs_no_group(tmp_path):
    run_processes(average_and_save, 1, (tmp_path,))
    assert torch.load(tmp_path / '0.pt')['world'] == 1


def test_gradients_are_clipped_to_the_norm_and_left_alone_below_it():
    parameter = torch.nn.Parameter(torch.zeros(2))
    gradients = FlatGradients([parameter])
    (parameter * torch.tensor([3.0, 4.0])).sum().backward()
    assert gradients.clip(10.0) == pytest.approx(5.0)
    assert parameter.grad.tolist() == [3.0, 4.0]
    gradients.clip(1.0)
    assert parameter.grad.tolist() == pytest.approx([0.6, 0.8])
    gradients.zero()
    assert parameter.grad.tolist() == [0.0, 0.0]


def test_gradients_that_are_not_finite_are_dropped():
    parameter = torch.nn.Parameter(torch.zeros(2))
    gradients = FlatGradients([parameter])
    (parameter * torch.tensor([float('nan'), 1.0])).sum().backward()
    gradients.clip(1.0)
    assert parameter.grad.tolist() == [0.0, 0.0]
