# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Ends a benchmark, of either kind: the table is printed, the JSON written, failures are told."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from surgsam2_ros.commands.command_line import command_line

SCHEMA = 1


def write_report(
    path: Path | None,
    device: str,
    rows: Mapping[str, Sequence[Mapping[str, Any]]],
    failed: Sequence[str],
    table: Callable[[Mapping[str, Any]], str],
    *,
    versions: Mapping[str, str] | None = None,
    **values: Any,
) -> dict[str, Any]:
    """Print and write what was measured.

    Args:
        path: of the JSON file; None writes none.
        device: that was measured on.
        rows: by their name in the file.
        failed: a sentence for each case that could not be measured.
        table: makes the table of a report.
        versions: besides those of every run.
        values: further keys of the report.

    Returns:
        The report as written.
    """
    from surgsam2_ros.evaluation.runs.run_description import describe_hardware, describe_versions

    report = {
        'schema': SCHEMA,
        'command': command_line(),
        'device': device,
        **values,
        'hardware': describe_hardware(device),
        'versions': {**describe_versions(), **(versions or {})},
        **rows,
        'failed': list(failed),
    }
    if any(rows.values()):
        print(table(report))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(report, indent=2) + '\n', encoding='utf-8')
    for sentence in failed:
        print(f'surgsam2: error: {sentence}', file=sys.stderr)
    return report
