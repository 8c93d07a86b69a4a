# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes reports: summary.json, per_frame.csv, report.html of a run, and those of comparisons."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from surgsam2_ros.evaluation.records import read_run
from surgsam2_ros.evaluation.reports.comparison import ComparedRun, compare
from surgsam2_ros.evaluation.reports.comparison_page import comparison_page
from surgsam2_ros.evaluation.reports.difference_pictures import difference_pictures
from surgsam2_ros.evaluation.reports.frame_table import write_frame_table
from surgsam2_ros.evaluation.reports.report_page import report_page
from surgsam2_ros.evaluation.reports.summary import read_baselines, read_sides, summarise
from surgsam2_ros.evaluation.reports.worst_frames import worst_frame_pictures


def write_reports(output: Path) -> dict[str, Any]:
    """Write the reports of a finished or an interrupted run.

    Args:
        output: folder with run.json and records/; images and truth are read where the run found
            them, for pictures. Without them the page says so.

    Returns:
        the content of summary.json.

    Raises:
        FileNotFoundError: when the folder holds no run.
        RecordError: naming a record that is damaged.
    """
    run = read_run(output)
    videos, baselines = read_sides(output), read_baselines(output)
    summary = summarise(run, videos, baselines=baselines)
    skip_ends = summary['skip_ends']
    write_json(output / 'summary.json', summary)
    records = [r for entries in (*videos.values(), *baselines.values()) for r in entries]
    write_frame_table(output / 'per_frame.csv', records, skip_ends)
    pictures, problems = worst_frame_pictures(output, run, videos, skip_ends)
    page = report_page(run, summary, videos, pictures, problems)
    (output / 'report.html').write_text(page, encoding='utf-8')
    return summary


def write_comparison(runs: Sequence[ComparedRun], output: Path) -> dict[str, Any]:
    """Write compare.json and compare.html.

    Args:
        runs: at least two; all are compared with the first.
        output: folder to write to, created when missing.

    Returns:
        the content of compare.json.

    Raises:
        ValueError: when two runs have nothing in common.
    """
    comparison = compare(runs)
    output.mkdir(parents=True, exist_ok=True)
    write_json(output / 'compare.json', comparison)
    pictures = [difference_pictures(runs[0], other) for other in runs[1:]]
    page = comparison_page(comparison, pictures)
    (output / 'compare.html').write_text(page, encoding='utf-8')
    return comparison


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write values for people and programs: indented, with null for what is no finite number."""
    text = json.dumps(_finite(values), indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(f'{text}\n', encoding='utf-8')


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
