# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Accuracy and cost by the number of tokens of each memory, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def markdown_table(report: Mapping[str, Any]) -> str:
    """Return a table in Markdown, the chosen number of tokens bold, and the whole fast profile.

    Args:
        report: what `token_curve --json` writes.
    """
    lines = [
        '| tokens | J | J less that of all | GFLOP of a frame | of memory attention | '
        'CPU ms without encoder | in parts of all | with encoder |',
        '|---|---|---|---|---|---|---|---|',
    ]
    for row in report['rows']:
        whole = row['tokens'] == report['all_tokens']
        cells = [
            f'{row["tokens"]} (all)' if whole else str(row['tokens']),
            f'{row["j"]:.4f} ± {row["j_error"]:.4f}',
            '–' if whole else f'{row["j_change"]:+.4f} ± {row["j_change_error"]:.4f}',
            f'{row["gflop"]:.2f}',
            f'{row["attention_gflop"]:.2f}',
            f'{row["step_ms"]:.1f}',
            f'{row["step_ratio"]:.2f}',
            f'{row["frame_ratio"]:.2f}',
        ]
        if row['tokens'] == report['chosen_tokens']:
            cells = [f'**{cell}**' for cell in cells]
        lines.append('| ' + ' | '.join(cells) + ' |')
    fast = report['fast']
    lines += [
        '',
        f'Profile `fast` here ({report["chosen_tokens"]} tokens, encoder: {fast["encoder"]}): '
        f'J {fast["j"]:.4f} ± {fast["j_error"]:.4f}, '
        f'{fast["j_change"]:+.4f} ± {fast["j_change_error"]:.4f} beside `exact`.',
    ]
    return '\n'.join(lines)
