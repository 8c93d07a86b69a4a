# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How many threads the network gets."""

from __future__ import annotations

import os

import torch

from surgsam2_ros.nodes.tracker_loading import choose_num_threads


def test_a_number_that_is_asked_for_is_taken():
    assert choose_num_threads(3) == 3


def test_half_of_the_cores_by_default_and_never_none(monkeypatch):
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    for cores, threads in ((1, 1), (2, 1), (3, 1), (8, 4)):
        monkeypatch.setattr(os, 'sched_getaffinity', lambda _, n=cores: set(range(n)))
        assert choose_num_threads(0) == threads


def test_the_environment_goes_before_the_default(monkeypatch):
    monkeypatch.setenv('OMP_NUM_THREADS', '5')
    monkeypatch.setattr(torch, 'get_num_threads', lambda: 5)
    assert choose_num_threads(0) == 5
