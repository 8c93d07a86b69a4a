# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The loss of a step: what it sums, what it is divided by, and what it refuses."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from tiny_network import SIZE, tiny_network

from surgsam2_ros.training import objective as objective_module
from surgsam2_ros.training.clips import TrainingClip
from surgsam2_ros.training.disturbance import Disturbance
from surgsam2_ros.training.foreground import ForegroundHead
from surgsam2_ros.training.losses import LossWeights
from surgsam2_ros.training.objective import Objective, stack_clips
from surgsam2_ros.training.prompts import PromptRecipe

MASKS = PromptRecipe(mask=1.0, box=0.0)
CLICKS = PromptRecipe(mask=0.0, box=0.0, correction_clicks=2)


@pytest.fixture(scope='module')
def network():
    return tiny_network().train()


def make(objects=2, frames=3, seed=0):
    rng = np.random.default_rng(seed)
    masks = np.zeros((objects, frames, SIZE, SIZE), bool)
    for index in range(objects):
        masks[index, :, 12 * index : 12 * index + 10, 8:50] = True
    images = rng.normal(size=(frames, 3, SIZE, SIZE)).astype(np.float32)
    return TrainingClip(images, masks, masks.any(axis=0), ('video/00000',) * frames)


def numbers(terms):
    return {name: term.item() for name, term in terms.items()}


def draw(seed=0):
    return np.random.default_rng(seed)


def test_a_batch_counts_every_object_alike(network):
    """The mean over objects: two clips of 1 and 3 objects weigh 1 to 3."""
    objective = Objective(network, prompts=MASKS)
    small, large = make(objects=1), make(objects=3, seed=1)
    both = numbers(objective.loss([small, large], draw()))
    apart = [numbers(objective.loss([clip], draw())) for clip in (small, large)]
    for name, value in both.items():
        assert value == pytest.approx((apart[0][name] + 3 * apart[1][name]) / 4, rel=1e-4)


def test_parts_of_a_batch_divided_by_their_mean_number_of_objects_average_to_the_whole(network):
    objective = Objective(network, prompts=MASKS)
    small, large = make(objects=1), make(objects=3, seed=1)
    both = numbers(objective.loss([small, large], draw()))
    parts = [numbers(objective.loss([clip], draw(), num_objects=2.0)) for clip in (small, large)]
    for name, value in both.items():
        assert value == pytest.approx((parts[0][name] + parts[1][name]) / 2, rel=1e-4)


def test_the_loss_is_summed_over_decodings_unless_the_mean_is_wanted(network):
    """Three looks at the first frame and one at each of the other two make five decodings."""
    summed = Objective(network, prompts=CLICKS).loss([make()], draw())
    mean = Objective(network, prompts=CLICKS, loss=LossWeights(mean=True)).loss([make()], draw())
    for name, term in summed.items():
        assert term.item() == pytest.approx(5 * mean[name].item(), rel=1e-4)


def test_single_frames_are_a_batch_of_unrelated_images(network):
    clips = [make(frames=1, seed=seed) for seed in range(3)]
    terms = Objective(network, prompts=MASKS).loss(clips, draw())
    sum(terms.values()).backward()
    network.zero_grad(set_to_none=True)
    assert set(terms) == {'focal', 'dice', 'iou', 'presence'}


def test_equal_generators_give_equal_losses(network):
    objective = Objective(
        network,
        prompts=dataclasses.replace(CLICKS, centred_clicks=0.5, several_clicks=0.5),
        disturbance=Disturbance(corrupt_mask=0.5, forget_frame=0.5),
        dictate_presence_until=0.5,
    )
    losses = [numbers(objective.loss([make()], draw(seed), 0.2)) for seed in (3, 3, 4)]
    assert losses[0] == losses[1] != losses[2]


def test_dictated_presence_fades_with_the_progress(network):
    """A network that never sees its objects remembers them only where presence is dictated."""
    blind = tiny_network(presence_bias=-50.0).train()
    clip, settings = make(frames=4), {'prompts': MASKS, 'loss': LossWeights(gated=False)}
    plain = numbers(Objective(blind, **settings).loss([clip], draw()))
    dictated = Objective(blind, **settings, dictate_presence_until=0.5)
    assert numbers(dictated.loss([clip], draw(), progress=0.5)) == plain
    assert numbers(dictated.loss([clip], draw(), progress=0.0)) != plain


@pytest.mark.parametrize('dtype', [None, torch.bfloat16])
def test_clips_without_any_foreground_after_the_first_frame_give_finite_gradients(network, dtype):
    clip = make()
    clip.masks[:, 1:] = False
    clip.foreground[1:] = False
    head = ForegroundHead(network.config.hidden_dim)
    objective = Objective(network, head, prompts=CLICKS, loss=LossWeights(foreground=0.5))
    network.autocast_dtype = dtype
    try:
        terms = objective.loss([clip], draw())
        sum(terms.values()).backward()
    finally:
        network.autocast_dtype = None
    assert all(torch.isfinite(term) for term in terms.values())
    gradients = [p.grad for p in (*network.parameters(), *head.parameters()) if p.grad is not None]
    network.zero_grad(set_to_none=True)
    assert len(gradients) > 100
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


def test_the_foreground_head_learns_every_labelled_object(network):
    """A head that says no everywhere pays log-loss for the labelled share of the picture."""
    head = ForegroundHead(network.config.hidden_dim)
    with torch.no_grad():
        head.output.weight.zero_()
        head.output.bias.fill_(-4.0)
    clip = make()
    clip.foreground[:] = False
    clip.foreground[:, :16] = True  # a quarter of the picture
    objective = Objective(network, head, prompts=MASKS, loss=LossWeights(foreground=0.5))
    loss = objective.loss([clip], draw())['foreground'].item()
    expected = 0.25 * np.log1p(np.exp(4.0)) + 0.75 * np.log1p(np.exp(-4.0))
    assert loss == pytest.approx(0.5 * expected, rel=1e-5)


def test_a_foreground_head_needs_a_weight_and_a_weight_a_head(network):
    with pytest.raises(ValueError, match='without a foreground head'):
        Objective(network, loss=LossWeights(foreground=0.5))
    with pytest.raises(ValueError, match='with a foreground head'):
        Objective(network, ForegroundHead(network.config.hidden_dim))


def test_clips_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r'\[2, 3\]'):
        stack_clips([make(frames=2), make(frames=3)])


def test_an_object_that_is_not_in_the_first_frame_is_refused_with_the_name_of_the_clip():
    clip = make()
    clip.masks[1, 0] = False
    with pytest.raises(ValueError, match=r'object 1 of clip 1 \(video/00000\)'):
        stack_clips([make(), clip])


def test_an_image_that_is_prompted_several_times_gives_the_mean_over_its_prompts(network):
    """With boxes without noise all prompts of an object are the same, and so is the loss."""
    boxes = PromptRecipe(mask=0.0, box=1.0, box_noise=0.0, correct=0.0)
    image = make(objects=2, frames=1)
    once = numbers(Objective(network, prompts=boxes).loss([image], draw()))
    thrice = dataclasses.replace(boxes, per_image=3)
    assert numbers(Objective(network, prompts=thrice).loss([image], draw())) == pytest.approx(
        once, rel=1e-4
    )


def test_prompts_of_an_image_are_drawn_anew_each_time(network, monkeypatch):
    drawn = []
    original = objective_module.simulate_prompts

    def spy(*arguments):
        drawn.append(original(*arguments))
        return drawn[-1]

    monkeypatch.setattr(objective_module, 'simulate_prompts', spy)
    clicks = dataclasses.replace(CLICKS, per_image=3, correct=0.0)
    Objective(network, prompts=clicks).loss([make(objects=1, frames=1)], draw())
    assert drawn[0].points.shape == (3, 1, 2)
    assert len({tuple(point) for point in drawn[0].points[:, 0].tolist()}) > 1


def test_clips_are_prompted_once_whatever_images_are(network):
    objective = Objective(network, prompts=MASKS)
    thrice = Objective(network, prompts=dataclasses.replace(MASKS, per_image=3))
    assert numbers(objective.loss([make()], draw())) == numbers(thrice.loss([make()], draw()))
