# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Attention gives one answer by both of its ways."""

import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from surgsam2_ros.network import MemoryTokens, memory_attention
from surgsam2_ros.network.layers import Attention, TokenAttention
from surgsam2_ros.network.memory_attention import MemoryAttention, attend_rows


@pytest.mark.parametrize('heads', [1, 2])
@pytest.mark.parametrize('padded', [False, True])
def test_memory_is_attended_to_alike_in_training_and_in_evaluation(heads, padded):
    torch.manual_seed(0)
    side, pointers = 18, 4
    attention = MemoryAttention(32, 16, 64, heads, 2, side)
    length = 2 * side**2 + pointers
    mask = torch.ones(2, length, dtype=torch.bool)
    mask[1, side**2 : 2 * side**2] = False
    memory = MemoryTokens(
        torch.randn(2, length, 16),
        torch.randn(2, length, 16),
        pointers,
        mask if padded else None,
    )
    features = torch.randn(1, 32, side, side)
    with torch.no_grad():
        expected = attention.train()(features, memory)
        torch.testing.assert_close(attention.eval()(features, memory), expected)


@pytest.mark.parametrize('padded', [False, True])
@pytest.mark.parametrize('shared', [False, True])
@pytest.mark.parametrize('rows_at_once', [1024, 100])
@pytest.mark.parametrize('captured', [False, True])
def test_rows_attend_alike_in_parts_and_when_captured(
    monkeypatch, padded, shared, rows_at_once, captured
):
    torch.manual_seed(0)
    objects, heads, rows, length, width = 2, 2, 256, 320, 32
    monkeypatch.setattr(torch.compiler, 'is_compiling', lambda: captured)
    monkeypatch.setattr(memory_attention, '_SCORES_AT_ONCE', rows_at_once * length)
    monkeypatch.setattr(memory_attention, '_ROWS_AT_ONCE', rows_at_once)
    q = torch.randn(1 if shared else objects, heads, rows, width)
    k = torch.randn(objects, heads, length, width)
    values = torch.randn(objects, length, 8)
    mask = None
    if padded:
        mask = torch.ones(objects, 1, 1, length, dtype=torch.bool)
        mask[1, :, :, 100:] = False
    expected = F.scaled_dot_product_attention(
        q.expand(objects, -1, -1, -1).double(),
        k.double(),
        values[:, None].expand(-1, heads, -1, -1).double(),
        attn_mask=mask,
    )
    with torch.inference_mode():
        found = attend_rows(q, k, values, mask)
    torch.testing.assert_close(found.double(), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('tokens', [1, 5, 20])
@pytest.mark.parametrize('token_asks', [True, False])
def test_tokens_and_image_attend_as_if_both_were_projected(tokens, token_asks):
    torch.manual_seed(0)
    attention = TokenAttention(32, 2, downsample_rate=2).double()
    plain = Attention(32, 2, downsample_rate=2).double()
    plain.load_state_dict(attention.state_dict())
    few, many = torch.randn(3, tokens, 32).double(), torch.randn(3, 49, 32).double()
    q, k, v = (few, many, many.flip(1)) if token_asks else (many, few, few.flip(1))
    with torch.no_grad():
        torch.testing.assert_close(attention(q, k, v), plain(q, k, v))
    for recorded in (attention, plain):
        recorded(q, k, v).square().sum().backward()
    for ours, theirs in zip(attention.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize('token_asks', [True, False])
def test_few_tokens_spare_half_of_the_work_on_the_image(token_asks):
    attention = TokenAttention(32, 2, downsample_rate=2)
    few, many = torch.randn(1, 4, 32), torch.randn(1, 400, 32)
    counts = {}
    for kind in (TokenAttention, Attention):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            kind.forward(attention, *((few, many, many) if token_asks else (many, few, few)))
        counts[kind] = counter.get_total_flops()
    assert counts[TokenAttention] < 0.6 * counts[Attention]
