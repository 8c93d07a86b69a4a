# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Training configurations are read, overridden and checked."""

from __future__ import annotations

import pytest
from repository import REPO

from surgsam2_ros.training.config import TrainingConfigError, load_training_config

SHIPPED = sorted(
    path
    for path in (REPO / 'config' / 'training').glob('*.yaml')
    if not path.stem.endswith('_detector')  # see test/training/detector
)
NANO = REPO / 'config' / 'training' / 'nano.yaml'
RELEASED = REPO / 'config' / 'training' / 'sam2.1_hiera_s_endovis18_instrument.yaml'


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: path.stem)
def test_shipped_configurations_load_and_name_a_model_that_exists(path):
    config = load_training_config(path)
    assert (config.root / config.model).is_file()


def test_the_released_recipe_has_the_values_that_its_authors_published():
    """Of configs/sam2.1_training/sam2.1_hiera_s_endovis18_instrument.yaml of Surgical-SAM-2."""
    config = load_training_config(RELEASED)
    assert (config.epochs, config.clips_per_step, config.seed) == (30, 4, 2024)
    assert config.curriculum == ((1.0, 8),)
    assert config.data[0].object_ids == tuple(range(1, 11))
    assert (config.learning_rate, config.trunk_scale, config.scales) == (5e-5, 1.0, {})
    assert (config.layer_decay, config.weight_decay, config.clip_norm) == (0.9, 0.1, 0.1)
    assert (config.warmup, config.final_factor, config.ema, config.freeze) == (0.0, 0.1, None, ())
    loss, prompts = config.loss, config.prompts
    assert (loss.focal, loss.dice, loss.iou, loss.presence) == (20.0, 1.0, 1.0, 1.0)
    assert (loss.bce, loss.foreground, loss.proposals) == (0.0, 0.0, 0.0)
    assert (prompts.mask, prompts.box, prompts.correction_clicks) == (0.5, 0.25, 7)
    assert (prompts.correction_from_truth, prompts.corrected_frames) == (0.1, 1)
    assert config.sampling.max_objects == 3
    augmentation = config.augmentation
    assert (augmentation.hflip, augmentation.degrees, augmentation.shear) == (0.5, 25.0, 20.0)
    assert augmentation.grayscale == 0.05


def test_the_recipe_with_tissue_differs_in_its_objects_and_in_the_encoders_learning_rate():
    instruments, all_objects = (
        load_training_config(RELEASED.with_name(f'sam2.1_hiera_s_endovis18{name}.yaml'))
        for name in ('_instrument', '')
    )
    assert all_objects.data[0].object_ids == (*range(1, 11), 11, 12, 17)
    assert all_objects.learning_rate * all_objects.scales['image_encoder.'] == pytest.approx(3e-5)
    assert all_objects.loss == instruments.loss
    assert all_objects.augmentation == instruments.augmentation


def test_the_papers_variant_freezes_both_encoders():
    config = load_training_config(RELEASED.with_name('sam2_hiera_s_endovis18_frozen_encoders.yaml'))
    assert set(config.freeze) == {'image_encoder.', 'sam_prompt_encoder.'}


def test_overrides_are_yaml_and_reach_nested_fields_and_list_entries():
    config = load_training_config(
        NANO,
        [
            'minutes=null',
            'steps=7',
            'loss.dice=2.5',
            'curriculum=[[1.0, 2]]',
            'data.0.num_clips=5',
            'learning_rate=5e-5',
        ],
    )
    assert (config.minutes, config.steps) == (None, 7)
    assert config.loss.dice == 2.5
    assert config.loss.focal == 20.0
    assert config.curriculum == ((1.0, 2),)
    assert config.data[0].num_clips == 5
    assert config.learning_rate == 5e-5


@pytest.mark.parametrize(
    ('override', 'message'),
    [
        ('lerning_rate=1', "unknown field 'lerning_rate'"),
        ('loss.dyce=1', "loss: unknown field 'dyce'"),
        ('data.0.tipe=vos', "data.0: unknown field 'tipe'"),
        ('data.7.type=vos', "'7' is no entry of the list"),
        ('data=[]', 'data is empty'),
        ('data=[{type: vos}]', 'data.0: data source: type vos needs a path'),
        ('steps=5', 'exactly one'),
        ('validate_epochs=5', 'exactly one'),
        ('curriculum=[[0.5, 2]]', 'end at 1.0'),
        ('curriculum=[[1.0, 99]]', '99 frames'),
        ('prompts.mask=0.9', 'sum must be at most 1'),
        ('clips_per_step=3.5', 'clips_per_step is 3.5; it should be a valid integer'),
        ('learning_rate=fast', "learning_rate is 'fast'; it should be a valid number"),
        ('loss=3', 'loss is 3; it should be an object'),
        ('device=tpu', "device 'tpu' is unknown"),
        ('devices=0', 'at least 1'),
        ('seed=true', 'seed is True; it should be a valid integer'),
        ('model=7', 'model is 7; it should be a valid string'),
        ('curriculum=3', 'curriculum is 3; it should be a valid array'),
        ('curriculum=[[1.0]]', "curriculum.0: the field '1' is missing"),
        ('freeze=trunk', "freeze is 'trunk'; it should be a valid array"),
        ('scales=[1]', r'scales is \[1\]; it should be an object'),
        ('scales={trunk: fast}', "scales.trunk is 'fast'; it should be a valid number"),
        ('minutes', 'key=value'),
    ],
)
def test_mistakes_are_named(override, message):
    with pytest.raises(TrainingConfigError, match=message):
        load_training_config(NANO, [override])


def test_all_mistakes_are_named_at_once():
    with pytest.raises(TrainingConfigError, match=r'seed is 0\.5; .*lerning_rate'):
        load_training_config(NANO, ['seed=0.5', 'lerning_rate=1'])


def test_a_field_without_default_that_is_left_out_is_named(tmp_path):
    path = tmp_path / 'short.yaml'
    path.write_text('model: models/surgsam2_nano.yaml\n')
    with pytest.raises(TrainingConfigError, match="the field 'data' is missing"):
        load_training_config(path)


def test_a_missing_file_is_a_training_config_error(tmp_path):
    with pytest.raises(TrainingConfigError, match='cannot be read'):
        load_training_config(tmp_path / 'none.yaml')
