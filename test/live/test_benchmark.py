# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the node of a benchmark is started with."""

from __future__ import annotations

import dataclasses

import pytest
from repository import REPO

from surgsam2_ros.live.benchmark import NodeCase, node_parameters
from surgsam2_ros.network import load_network

NANO = REPO / 'models' / 'surgsam2_nano.yaml'


@pytest.fixture
def case(tmp_path):
    """Return a case with a network whose weights nobody has."""
    model = tmp_path / 'nano.yaml'
    text = NANO.read_text(encoding='utf-8')
    model.write_text(text.replace('surgsam2_nano.safetensors', 'nobody_has_it.safetensors'))
    return NodeCase(model, 64, 1, (64, 48), 5.0, 1.0, {})


def test_weights_that_nobody_has_are_random_ones(case, tmp_path):
    folder = tmp_path / 'run'
    folder.mkdir()
    parameters, weights = node_parameters(case, 'cpu', folder)
    assert weights == 'random'
    network = load_network(parameters['model.config'], checkpoint=parameters['model.checkpoint'])
    assert network.image_size == 64


def test_weights_that_are_named_are_taken(case, tmp_path):
    named = str(NANO.with_suffix('.safetensors'))
    case = dataclasses.replace(case, parameters={'model.checkpoint': named})
    parameters, weights = node_parameters(case, 'cpu', tmp_path)
    assert (weights, parameters['model.checkpoint']) == ('trained', named)
