# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Ends an evaluation: has the reports written and tells the result in a few lines."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from surgsam2_ros.evaluation.records import RunRecord, VideoRecord

_LINES_SHOWN = 20


def write_report(options: argparse.Namespace, run_record: RunRecord) -> int:
    """Write the reports, say what came out, and return the exit status."""
    from surgsam2_ros.evaluation.records import read_videos
    from surgsam2_ros.evaluation.reports import write_reports
    from surgsam2_ros.evaluation.reports.overlay import write_overlays

    summary = write_reports(options.output)
    sides = [side for side in ('tracker', 'node') if options.through in (side, 'both')]
    baselines = summary['baselines'] if options.baselines else {}
    lines = {**{side: summary.get(side) or {} for side in sides}, **baselines}
    width = max(map(len, (*lines, 'tracker ')))
    for name, scores in lines.items():
        print(_line(name.ljust(width), scores))
        for line in _found_lines(scores):
            print(f'{" " * width} {line}')
    records = [record for name in lines for record in read_videos(options.output, name)]
    failed = [record for record in records if record.error is not None]
    _complain([f'{record.video} ({record.through}) failed: {record.error}' for record in failed])
    _complain([f'{r.video} ({r.through}): {warning}' for r in records for warning in r.warnings])
    good = [r for r in records if r.error is None and r.through in sides]
    missing = write_overlays(options.output, run_record, good) if options.overlay else []
    if options.failures is not None:
        missing += _draw_failures(options, run_record, [r for r in good if r.through == sides[0]])
    _complain(missing)
    print(
        f'written to {options.output}: report.html, summary.json, per_frame.csv'
        + (', overlay/' if options.overlay else '')
    )
    return 1 if failed or missing else 0


def _complain(lines: list[str]) -> None:
    """Show some lines on standard error, and how many more the report has."""
    for line in lines[:_LINES_SHOWN]:
        print(line, file=sys.stderr)
    if len(lines) > _LINES_SHOWN:
        print(f'… and {len(lines) - _LINES_SHOWN} more, see report.html', file=sys.stderr)


def _draw_failures(
    options: argparse.Namespace, run_record: RunRecord, records: Iterable[VideoRecord]
) -> list[str]:
    """Draw the worst frames; returns a line where that was not possible."""
    from surgsam2_ros.evaluation.reports.failure_sheet import write_failure_sheet
    from surgsam2_ros.sources import SourceError

    try:
        if not write_failure_sheet(options.failures, options.output, run_record, records):
            return [f'{options.failures} was not written: there is no frame to show']
    except (SourceError, OSError) as error:
        return [f'{options.failures} was not written: {error}']
    print(f'the worst frames: {options.failures}')
    return []


def _line(side: str, scores: dict[str, Any]) -> str:
    from surgsam2_ros.evaluation.measures import SCORES
    from surgsam2_ros.evaluation.reports.formatting import plural

    return f'{side} {plural(scores.get("videos", 0), "video")}  {_written(scores, SCORES)}'


def _found_lines(scores: dict[str, Any]) -> Iterator[str]:
    """Tell what came of instruments that nobody prompted; nothing where they were prompted."""
    from surgsam2_ros.evaluation.reports.formatting import plural

    discovery, identity = scores.get('discovery'), scores.get('identity')
    if not discovery:
        return
    found = f'{discovery["found"]} of {plural(discovery["instruments"], "instrument")} found'
    if discovery['found']:
        found += f' after {discovery["frames_until_found"]:.1f} frames'
    false = plural(discovery['false'], 'false one')
    extra = plural(discovery['extra'], 'second track')
    binary = _percent(discovery['binary_IoU'])
    yield f'{found}, {false}, {extra}; instrument or background, IoU {binary}'
    if identity:
        measures = _written(identity, ('HOTA', 'DetA', 'AssA', 'LocA', 'IDF1', 'IDP', 'IDR'))
        yield f'{measures}  id switches {identity["IDSW"]}'


def _written(scores: dict[str, Any], keys: Iterable[str]) -> str:
    return '  '.join(f'{key} {_percent(scores.get(key))}' for key in keys)


def _percent(value: float | None) -> str:
    return '-' if value is None else f'{100 * value:.1f}'
