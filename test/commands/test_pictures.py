# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A picture that cannot be drawn costs nobody the figures."""

from __future__ import annotations

import sys

import pytest

from surgsam2_ros.cli import main
from surgsam2_ros.commands.pictures import told_if_missing

CHARTS = ('figures', 'charts', 'reliability_picture')


@pytest.fixture
def no_matplotlib(monkeypatch):
    for name in CHARTS:
        monkeypatch.delitem(sys.modules, f'surgsam2_ros.benchmarks.{name}', raising=False)
    monkeypatch.setitem(sys.modules, 'matplotlib', None)


def test_a_missing_library_is_named_with_the_remedy(no_matplotlib, capsys):
    with told_if_missing():
        from surgsam2_ros.benchmarks.reliability_picture import write_reliability  # noqa: F401
    said = capsys.readouterr().err
    assert 'need matplotlib' in said and '-r requirements/charts.txt' in said
    assert said.rstrip().endswith('the picture is left out')


def test_a_benchmark_that_is_to_be_plotted_does_not_begin_without(no_matplotlib, tmp_path, capsys):
    assert main(['bench', '--models', 'surgsam2_nano', '--plot', str(tmp_path / 'a.png')]) == 1
    said = capsys.readouterr()
    assert '-r requirements/charts.txt' in said.err and 'measuring' not in said.err
