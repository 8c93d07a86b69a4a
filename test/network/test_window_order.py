# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tokens in window order: every window in one piece, nothing lost, pooled windows in place."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from surgsam2_ros.network.window_order import WindowOrder, pool_cells

ORDERS = [
    WindowOrder(height=32, width=32, window=14, pools=1),  # Hiera at 512 px, stride 16
    WindowOrder(height=128, width=128, window=8, pools=2),  # and stride 4
    WindowOrder(height=16, width=16, window=7, pools=0),
    WindowOrder(height=18, width=32, window=14, pools=1),
    WindowOrder(height=8, width=8, window=14, pools=1),  # smaller than a window
    WindowOrder(height=28, width=14, window=14, pools=1),
]


def numbered(order: WindowOrder) -> torch.Tensor:
    """Map [1, height, width, 2] whose cells hold their row and column."""
    rows, columns = torch.meshgrid(
        torch.arange(order.height), torch.arange(order.width), indexing='ij'
    )
    return torch.stack((rows, columns), dim=-1)[None].float()


@pytest.mark.parametrize('order', ORDERS, ids=str)
def test_a_map_comes_back_from_its_order(order):
    x = torch.randn(3, order.height, order.width, 5)
    arranged = order.arrange(x)
    assert arranged.shape == (3, order.height * order.width, 5)
    assert torch.equal(order.restore(arranged), x)


@pytest.mark.parametrize('order', ORDERS, ids=str)
def test_groups_are_whole_windows_and_know_their_padding(order):
    places = order.arrange(numbered(order))[0].long()
    seen, start = set(), 0
    for group in order.groups:
        for _ in range(group.windows):
            window = places[start : start + group.tokens]
            start += group.tokens
            corners = {tuple(c) for c in (window // order.window).tolist()}
            assert len(corners) == 1  # all its tokens are in one cell of the grid of windows
            assert not corners & seen  # and no other piece is in that cell
            seen |= corners
            assert group.tokens + group.padding == order.window**2
    assert start == order.height * order.width
    down, across = -(-order.height // order.window), -(-order.width // order.window)
    assert len(seen) == down * across


def test_windows_with_equally_many_tokens_are_one_group():
    order = WindowOrder(height=32, width=32, window=14, pools=1)
    assert [tuple(group) for group in order.groups] == [(4, 196, 0), (4, 56, 140), (1, 16, 180)]


@pytest.mark.parametrize('order', [order for order in ORDERS if order.pools], ids=str)
def test_pooled_tokens_are_in_the_order_of_the_pooled_windows(order):
    x = torch.randn(2, order.height, order.width, 3)
    tokens = order.arrange(x)
    while order.pools:
        x = F.max_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)
        tokens, order = pool_cells(tokens), order.pooled
        assert torch.equal(order.restore(tokens), x)
        assert torch.equal(order.arrange(x), tokens)


def test_it_can_be_made_while_a_graph_is_captured():
    def attend(x):
        order = WindowOrder(height=16, width=16, window=7, pools=0)
        return order.restore(order.arrange(x) * 2.0)

    x = torch.randn(1, 16, 16, 4)
    captured = torch.compile(attend, fullgraph=True, backend='eager')
    assert torch.equal(captured(x), 2.0 * x)
