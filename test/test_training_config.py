# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Training configurations are read, overridden and checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from surgsam2_ros.training.config import TrainingConfigError, load_training_config

NANO = Path(__file__).resolve().parent.parent / 'config' / 'training' / 'nano.yaml'


def test_the_shipped_configuration_loads_and_names_a_model_that_exists():
    config = load_training_config(NANO)
    assert (config.root / config.model).is_file()
    assert config.minutes
    assert config.curriculum[-1] == (1.0, 8)


def test_overrides_are_yaml_and_reach_nested_fields():
    config = load_training_config(
        NANO, ['minutes=null', 'steps=7', 'loss.dice=2.5', 'curriculum=[[1.0, 2]]']
    )
    assert (config.minutes, config.steps) == (None, 7)
    assert config.loss.dice == 2.5
    assert config.loss.focal == 20.0
    assert config.curriculum == ((1.0, 2),)


@pytest.mark.parametrize(
    ('override', 'message'),
    [
        ('lerning_rate=1', "unknown field 'lerning_rate'"),
        ('loss.dyce=1', "loss: unknown field 'dyce'"),
        ('steps=5', 'exactly one'),
        ('curriculum=[[0.5, 2]]', 'end at 1.0'),
        ('curriculum=[[1.0, 99]]', '99 frames'),
        ('mask_prompts=0.9', 'at most 1'),
        ('processes=0', 'at least 1'),
        ('minutes', 'key=value'),
    ],
)
def test_mistakes_are_named(override, message):
    with pytest.raises(TrainingConfigError, match=message):
        load_training_config(NANO, [override])


def test_a_missing_file_is_a_training_config_error(tmp_path):
    with pytest.raises(TrainingConfigError, match='cannot be read'):
        load_training_config(tmp_path / 'none.yaml')
