# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The tokens of a map in the order of attention windows, in which no block has to move them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from torch import Tensor


class WindowGroup(NamedTuple):
    """Consecutive windows with equally many real tokens each."""

    windows: int
    tokens: int
    padding: int  # tokens of each window that lie beyond the map


class _Rectangle(NamedTuple):
    """A part of the map that is cut into windows of one shape."""

    rows: int
    columns: int
    height: int
    width: int

    @property
    def windows(self) -> int:
        return self.rows * self.columns

    @property
    def tokens(self) -> int:
        return self.height * self.width


@dataclass(frozen=True)
class WindowOrder:
    """An order of the tokens of a map: window by window, without the padding of those at its edges.

    Attention looks at slices of this order, everything else does not care for it. Within a window,
    cells of 2x2 tokens that are pooled later lie next to each other, so that the order of the
    pooled tokens is that of the pooled windows.

    Attributes:
        height, width: tokens of the map; multiples of 2 to the power of `pools`.
        window: tokens per window side.
        pools: how often the tokens will be pooled in this order.
        groups: the windows in their order, those with equally many tokens together.
    """

    height: int
    width: int
    window: int
    pools: int
    groups: tuple[WindowGroup, ...] = field(init=False, repr=False, compare=False)
    # Windows along the height and along the width: how many, and how many tokens of each.
    _bands: tuple[list[tuple[int, int]], ...] = field(init=False, repr=False, compare=False)
    # Whole windows first, then those that reach over the right, the bottom and both edges.
    _rectangles: list[_Rectangle] = field(init=False, repr=False, compare=False)

    @property
    def pooled(self) -> WindowOrder:
        """The order of the tokens once they are pooled."""
        return replace(
            self,
            height=self.height // 2,
            width=self.width // 2,
            window=self.window // 2,
            pools=self.pools - 1,
        )

    def __post_init__(self) -> None:
        """Find the windows; at once, since no lock of a cache can be captured."""

        def along(side: int) -> list[tuple[int, int]]:
            whole, rest = divmod(side, self.window)
            return [(n, tokens) for n, tokens in ((whole, self.window), (1, rest)) if n and tokens]

        vertical, horizontal = bands = along(self.height), along(self.width)
        rectangles = [_Rectangle(n, m, h, w) for n, h in vertical for m, w in horizontal]
        whole = self.window**2
        groups: list[WindowGroup] = []
        for part in rectangles:
            windows = part.windows
            if groups and groups[-1].tokens == part.tokens:
                windows += groups.pop().windows
            groups.append(WindowGroup(windows, part.tokens, whole - part.tokens))
        for name, value in (
            ('_bands', bands),
            ('_rectangles', rectangles),
            ('groups', tuple(groups)),
        ):
            object.__setattr__(self, name, value)

    def arrange(self, x: Tensor) -> Tensor:
        """Bring a map [B, height, width, C] into this order, [B, tokens, C]."""
        vertical, horizontal = self._bands
        columns = [m * w for m, w in horizontal]
        pieces = [
            piece
            for row in x.split([n * h for n, h in vertical], dim=1)
            for piece in row.split(columns, dim=2)
        ]
        cut = [self._cut(piece, r) for piece, r in zip(pieces, self._rectangles, strict=True)]
        return cut[0] if len(cut) == 1 else torch.cat(cut, dim=1)

    def restore(self, x: Tensor) -> Tensor:
        """Bring tokens [B, tokens, C] back to the map [B, height, width, C]."""
        sizes = [r.windows * r.tokens for r in self._rectangles]
        pieces = [
            self._join(piece, r)
            for piece, r in zip(x.split(sizes, dim=1), self._rectangles, strict=True)
        ]
        across = len(self._bands[1])
        rows = [pieces[i : i + across] for i in range(0, len(pieces), across)]
        joined = [row[0] if across == 1 else torch.cat(row, dim=2) for row in rows]
        return joined[0] if len(joined) == 1 else torch.cat(joined, dim=1)

    def _sides(self, r: _Rectangle) -> list[tuple[int, ...]]:
        """Axes that the height and the width of a rectangle are cut into, coarsest first."""
        pairs = [2] * self.pools
        return [
            (windows, side >> self.pools, *pairs)
            for windows, side in ((r.rows, r.height), (r.columns, r.width))
        ]

    def _cut(self, x: Tensor, r: _Rectangle) -> Tensor:
        """Cut [B, rows * height, columns * width, C] into windows, and these into their cells."""
        rows, columns = self._sides(r)
        count = len(rows)
        pairs = [axis for i in range(count) for axis in (1 + i, 1 + count + i)]
        x = x.reshape(len(x), *rows, *columns, -1).permute(0, *pairs, 1 + 2 * count)
        return x.flatten(1, 2 * count)

    def _join(self, x: Tensor, r: _Rectangle) -> Tensor:
        """Undo `_cut`."""
        rows, columns = self._sides(r)
        count = len(rows)
        x = x.unflatten(1, [n for pair in zip(rows, columns, strict=True) for n in pair])
        x = x.permute(0, *range(1, 2 * count, 2), *range(2, 2 * count + 1, 2), 1 + 2 * count)
        return x.reshape(len(x), r.rows * r.height, r.columns * r.width, -1)


def pool_cells(x: Tensor) -> Tensor:
    """Take the maximum over cells of 2x2 tokens in window order: [..., T, C] to [..., T / 4, C]."""
    return x.unflatten(-2, (-1, 4)).amax(dim=-2)
