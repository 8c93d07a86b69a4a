# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a step trains, on how many frames, and from which weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_training import write_training

from surgsam2_ros.commands.train import describe, mean_terms
from surgsam2_ros.training.batches import steps_from
from surgsam2_ros.training.config import load_training_config
from surgsam2_ros.training.distributed import create_fabric
from surgsam2_ros.training.initial_network import initial_network
from surgsam2_ros.training.loop import Run
from surgsam2_ros.training.monitoring import Status


@pytest.fixture
def prepare(tmp_path):
    """Give a function that prepares a training from changes of the configuration."""

    def prepare(**changes) -> Run:
        config = load_training_config(write_training(tmp_path, **changes))
        return Run(config, tmp_path / 'run', create_fabric(config))

    return prepare


def groups_of(run, step=0, **place):
    """Draw what a step trains on."""
    trainer = run.trainer
    return next(steps_from(step, trainer.frames_of, trainer.config, run.data, **place))


def test_in_an_epoch_every_frame_starts_a_clip_once(prepare):
    """Two videos of three frames, two clips a step."""
    trainer = prepare(steps=None, epochs=5).trainer
    assert trainer.steps_per_epoch == 3
    assert trainer.total_steps == 15


def test_clips_grow_by_the_curriculum_and_images_come_between(prepare):
    changes = {'steps': 12, 'curriculum': [[0.5, 2], [1.0, 3]], 'image_interval': 4}
    trainer = prepare(**changes).trainer
    frames = [trainer.frames_of(step) for step in range(12)]
    assert frames == [2, 1, 2, 2, 2, 1, 3, 3, 3, 1, 3, 3]


def test_clips_come_between_images_where_they_are_few(prepare):
    trainer = prepare(clip_interval=3).trainer
    assert [trainer.frames_of(step) for step in range(7)] == [2, 1, 1, 2, 1, 1, 2]


def test_what_a_step_trains_on_depends_on_its_number_alone(prepare):
    run = prepare()
    again, other = groups_of(run, 5), groups_of(run, 6)
    for group, same in zip(groups_of(run, 5), again, strict=True):
        assert np.array_equal(group.clips[0].images, same.clips[0].images)
        assert group.generator().random() == same.generator().random()
    assert groups_of(run, 5)[0].generator().random() != other[0].generator().random()


def test_images_of_a_step_are_shared_out_without_losing_one(prepare):
    run = prepare(curriculum=[[1.0, 1]], images_per_step=5)
    assert [len(group.clips) for group in groups_of(run)] == [3, 2]
    shares = [groups_of(run, rank=rank, world=2) for rank in (0, 1)]
    assert [len(share[0].clips) for share in shares] == [3, 2]


def test_worker_processes_prepare_the_same_clips(prepare):
    run = prepare(workers=1)
    prepared = groups_of(run)
    alone = groups_of(prepare_without_workers(run))
    assert np.array_equal(prepared[0].clips[0].images, alone[0].clips[0].images)


def prepare_without_workers(run):
    """Return the same training with workers=0."""
    import dataclasses
    from types import SimpleNamespace

    config = dataclasses.replace(run.trainer.config, workers=0)
    trainer = SimpleNamespace(config=config, frames_of=run.trainer.frames_of)
    return SimpleNamespace(trainer=trainer, data=run.data)


def test_frozen_parts_stay_and_the_trunk_rests_between_its_steps(prepare):
    run = prepare(freeze=['image_encoder.trunk.stem.'], trunk_interval=2, steps=9)
    trunk = run.trainer.network.image_encoder.trunk
    frozen, late = trunk.stem.weight.clone(), trunk.blocks[5].project.weight
    run.trainer.step(groups_of(run))
    assert late.grad.abs().max() > 0
    run.trainer.step(groups_of(run, 1))
    assert late.grad.abs().max() == 0
    assert torch.equal(trunk.stem.weight, frozen)


def test_the_memory_is_first_looked_up_where_it_was_made(tmp_path):
    network = initial_network(load_training_config(write_training(tmp_path))).eval()
    attention = network.memory_attention
    side = network.feature_size
    cos, sin = attention.rotary_cos, attention.rotary_sin
    cross = attention.layers[0].cross_attn_image
    with torch.no_grad():
        queries = cross.queries(torch.randn(1, side**2, 64), cos, sin)
        keys = cross.keys(torch.randn(1, side**2, 32), cos, sin)
        weights = (queries @ keys.transpose(2, 3) / 64**0.5).softmax(dim=-1)[0, 0]
    own = weights.diagonal().mean()
    assert own > 2 * (1 - own) / (side**2 - 1)


def test_a_step_in_bf16_keeps_weights_and_loss_in_float32(prepare):
    run = prepare(precision='bf16')
    terms = run.trainer.step(groups_of(run))
    assert all(np.isfinite(value) for value in terms.values())
    assert all(p.dtype == torch.float32 for p in run.trainer.network.parameters())


def test_the_bar_tells_losses_j_and_the_time_left():
    status = Status(120, 0.25, 3723.4, {'focal': 1.25, 'dice': 0.5, 'gradient': 9.0}, {'J': 0.812})
    assert describe(status) == (
        'step 120 loss 1.750 (focal 1.250 dice 0.500 gradient 9.000) J 0.812 1:02:03 left'
    )


def test_a_line_of_the_log_tells_the_mean_since_the_last_one():
    """Steps of single images take turns with those of clips: every 20th is always of one kind."""
    steps = [{'focal': 0.5, 'presence': 0.0}, {'focal': 0.25, 'presence': 0.5}]
    assert mean_terms(steps) == {'focal': 0.375, 'presence': 0.25}
