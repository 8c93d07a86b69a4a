# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The rule by which an unstable mask is replaced, against the official one, and mistakes in it."""

import contextlib
import functools

import pytest
import torch

pytest.importorskip('sam2')

from surgsam2_ros.network import mask_decoder

OFFSET, THRESHOLD = 0.05, 0.98  # of the official configurations
SIDE = 20


def single_mask(sure, unsure, value=0.04):
    """Logits [S, S] with so many cells clearly inside, and so many that the offset decides."""
    logits = torch.full((SIDE * SIDE,), -3.0)
    logits[:sure] = 2.0
    logits[sure : sure + unsure] = value
    return logits.view(SIDE, SIDE)


SINGLE = {  # by what makes them stable or not
    'certain': single_mask(100, 0),
    'nothing at all': single_mask(0, 0),
    'exactly the threshold': single_mask(98, 2),
    'a cell less': single_mask(97, 3),
    'as many again below zero': single_mask(97, 3, -0.04),
    'uncertain alone': single_mask(0, 9),
    'cells at the offset itself': single_mask(90, 10, OFFSET),
    'cells just beyond the offset': single_mask(90, 10, 0.051),
    'cells at twice the offset': single_mask(90, 10, 0.09),
    'a share between other thresholds': single_mask(192, 8),
}


@functools.cache
def inputs():
    """Logits [N, 4, S, S] and predicted IoU [N, 4] in which mask 0 has the highest."""
    generator = torch.Generator().manual_seed(0)
    single = torch.stack(list(SINGLE.values()))[:, None]
    candidates = torch.randn(len(SINGLE), 3, SIDE, SIDE, generator=generator)
    iou = torch.rand(len(SINGLE), 4, generator=generator) * 0.5
    iou[:, 0] = 0.9
    return torch.cat([single, candidates], dim=1), iou


@functools.cache
def official():
    from sam2.modeling.sam.mask_decoder import MaskDecoder

    decoder = MaskDecoder.__new__(MaskDecoder)
    torch.nn.Module.__init__(decoder)
    decoder.dynamic_multimask_stability_delta = OFFSET
    decoder.dynamic_multimask_stability_thresh = THRESHOLD
    return decoder._dynamic_multimask_via_stability(*inputs())


def unequal():
    """Return the cases in which ours chooses another mask or another predicted IoU."""
    logits, iou = mask_decoder._stable_mask(*inputs())
    same = (logits == official()[0]).flatten(1).all(1) & (iou == official()[1]).flatten(1).all(1)
    return [name for name, equal in zip(SINGLE, same.tolist(), strict=True) if not equal]


def test_the_cases_have_both_outcomes():
    pairs = zip(official()[0], SINGLE.values(), strict=True)
    kept = [torch.equal(mask[0], single) for mask, single in pairs]
    assert 3 <= sum(kept) <= len(kept) - 3


def test_the_choice_is_the_official_one():
    assert unequal() == []


@contextlib.contextmanager
def constant(name, value):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mask_decoder, name, value)
        yield


@contextlib.contextmanager
def choice(change):
    """Let `_stable_mask` take what change(choice) says; 0 is the single mask."""
    take = mask_decoder.take_mask
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mask_decoder, 'take_mask', lambda logits, index: take(logits, change(index)))
        yield


@contextlib.contextmanager
def of_all_four():
    """Let the best of all four masks be taken, the single one included."""
    stable = mask_decoder._stable_mask
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            mask_decoder,
            '_stable_mask',
            lambda logits, iou: stable(
                torch.cat([logits[:, :1], logits[:, :1], logits[:, 1:]], dim=1),
                torch.cat([iou[:, :1], iou], dim=1),
            ),
        )
        yield


MUTATIONS = {
    'a larger offset': lambda: constant('_STABILITY_OFFSET', 0.1),
    'no offset': lambda: constant('_STABILITY_OFFSET', 0.0),
    'a lower threshold': lambda: constant('_STABILITY_THRESHOLD', 0.95),
    'a threshold that itself is unstable': lambda: constant('_STABILITY_THRESHOLD', 0.9801),
    'always stable': lambda: constant('_STABILITY_THRESHOLD', 0.0),
    'never stable': lambda: constant('_STABILITY_THRESHOLD', 1.1),
    'another candidate': lambda: choice(lambda index: (index + (index > 0)).clamp(max=3) % 4),
    'the first candidate': lambda: choice(lambda index: index.clamp(max=1)),
    'the single mask among the candidates': of_all_four,
}


@pytest.mark.parametrize('mutation', MUTATIONS)
def test_a_mistake_is_caught(mutation):
    with MUTATIONS[mutation]():
        assert unequal(), f'{mutation} went through'
