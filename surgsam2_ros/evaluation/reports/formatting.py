# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Numbers and settings as people read them."""

from __future__ import annotations

from typing import Any


def fraction(value: float | None, digits: int = 3) -> str:
    """Write a score in [0, 1]; an en dash where it is unknown."""
    return '–' if value is None else f'{value:.{digits}f}'


def signed(value: float | None, digits: int = 3) -> str:
    """Write a difference with its sign, a true minus included."""
    if value is None:
        return '–'
    text = f'{value:+.{digits}f}'.replace('-', '−')
    return text if text.strip('+−0.') else '0'


def fine_digits(*values: float) -> int:
    """Digits that show small differences: four where all are below 0.01 or one is lost in three."""
    lost = any(value and not round(value, 3) for value in values)
    return 4 if lost or max(map(abs, values)) < 0.01 else 3


def quantity(value: float | None, unit: str = '') -> str:
    """Write a measured quantity with three significant digits, or all digits before the point."""
    if value is None:
        return '–'
    if float(value).is_integer() and (abs(value) >= 1 or not value):
        text = f'{int(value):,}'
    else:
        digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
        text = f'{value:,.{digits}f}'
    return f'{text} {unit}'.rstrip()


def plural(count: int, noun: str) -> str:
    """Write a count with its noun."""
    return f'{count:,} {noun}' + ('' if count == 1 else 's')


def percent(share: float | None) -> str:
    """Write a share in [0, 1] in percent; an en dash where it is unknown."""
    return '–' if share is None else f'{100 * share:.1f} %'


def written(value: Any) -> str:
    """Write a setting as people read it."""
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    if isinstance(value, (list, tuple)):
        return ', '.join(written(entry) for entry in value)
    return str(value)
