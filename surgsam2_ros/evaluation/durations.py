# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How durations are summed up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def percentiles(milliseconds: Sequence[float]) -> dict[str, float | None]:
    """Median, 95th and 99th percentile (linear interpolation) and maximum of durations.

    Args:
        milliseconds: durations in any order.

    Returns:
        {'p50', 'p95', 'p99', 'max'} in milliseconds, rounded to 0.01; all None for no durations.
    """
    if not len(milliseconds):
        return dict.fromkeys(('p50', 'p95', 'p99', 'max'))
    values = [*np.percentile(milliseconds, [50, 95, 99]), np.max(milliseconds)]
    return {
        name: round(float(value), 2)
        for name, value in zip(('p50', 'p95', 'p99', 'max'), values, strict=True)
    }
