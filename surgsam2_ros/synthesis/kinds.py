# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Names of what makes a clip difficult, and which of them come together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

EVERYDAY_KINDS = (
    'plain',
    'look_alikes',
    'leaving',
    'tissue_in_front',
    'moving_camera',
    'breathing',
    'smoke',
    'changing_light',
    'blood',
    'black_shafts',
    'wet_tissue',
    'lens_dirt',
    'glare',
    'motion_blur',
    'noise',
    'low_contrast',
    'grey',
    'compression',
    'interlacing',
    'round_view',
    'framed_view',
)
"""What any recording may show, in mild and strong forms."""

HARD_KINDS = ('thick_smoke', 'failing_light', 'crossing_look_alikes', 'leave_and_return')
"""Staged trouble that training may leave out, to measure what a tracker does with the unknown."""

ALL_KINDS = EVERYDAY_KINDS + HARD_KINDS

_CHANCES = {
    'plain': 0.0,
    'look_alikes': 0.25,
    'leaving': 0.35,
    'tissue_in_front': 0.12,
    'moving_camera': 0.55,
    'breathing': 0.4,
    'smoke': 0.1,
    'changing_light': 0.25,
    'blood': 0.15,
    'black_shafts': 0.15,
    'wet_tissue': 0.15,
    'lens_dirt': 0.07,
    'glare': 0.1,
    'motion_blur': 0.1,
    'noise': 0.15,
    'low_contrast': 0.1,
    'grey': 0.08,
    'compression': 0.3,
    'interlacing': 0.03,
    'round_view': 0.14,
    'framed_view': 0.06,
}
"""How often a kind accompanies another; hard kinds never do."""


def draw_kinds(rng: np.random.Generator, kinds: Sequence[str]) -> tuple[str, ...]:
    """Draw what a clip shows: one leading kind for certain, others of `kinds` beside it by chance.

    'plain' leads four times and a hard kind twice as often as any other.

    Args:
        rng: source of all randomness.
        kinds: names out of ALL_KINDS; what is not named does not occur.

    Returns:
        names without repetition, the leading kind first.

    Raises:
        ValueError: for an unknown name, or none.
    """
    check_kinds(kinds)
    weights = np.array([4.0 if k == 'plain' else 2.0 if k in HARD_KINDS else 1.0 for k in kinds])
    leading = str(rng.choice(list(kinds), p=weights / weights.sum()))
    others = [k for k in kinds if rng.random() < _CHANCES.get(k, 0.0) and k != leading]
    return (leading, *others)


def check_kinds(kinds: Sequence[str]) -> None:
    """Check names of kinds.

    Raises:
        ValueError: for an unknown name, or none.
    """
    if isinstance(kinds, str) or not len(kinds):
        raise ValueError(f'kinds {kinds!r} must be a sequence of names such as EVERYDAY_KINDS')
    unknown = sorted(set(kinds) - set(ALL_KINDS))
    if unknown:
        raise ValueError(f'unknown kinds of clip {unknown}; choose of {", ".join(ALL_KINDS)}')
