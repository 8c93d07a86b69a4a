# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The output folder of a run: begun, gone on with, or refused when it is that of another run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from surgsam2_ros.evaluation.records import RunRecord, read_run, write_run

_REPORTS = ('summary.json', 'per_frame.csv', 'report.html')
_WITHOUT_EFFECT = ('through', 'skip_ends', 'overlay', 'baselines')
"""Settings that decide what is done and reported, not what comes out."""
_FOLDERS = ('records', 'node', 'baselines', 'overlay')


class RunFolderError(RuntimeError):
    """An output folder that cannot be used; the message says why and what to do."""


def prepare_output(output: Path, run: RunRecord, *, overwrite: bool = False) -> RunRecord:
    """Write run.json into the output folder, or go on with the run that is there.

    Args:
        output: folder, made when it is missing.
        run: what is to be run.
        overwrite: remove the results of a run with other settings instead of refusing it; a run
            with the same settings begins anew.

    Returns:
        The run as written. It began when the run that is gone on with began, and keeps its videos.

    Raises:
        RunFolderError: when the folder cannot be written to, holds something else, or a run with
            other settings.
        RecordError: when it holds a run whose run.json is damaged.
    """
    if output.exists() and not output.is_dir():
        raise RunFolderError(f'--output {output} is a file; name a folder')
    if not (output / 'run.json').exists():
        if output.exists() and any(output.iterdir()):
            raise RunFolderError(
                f'--output {output} holds other files and no run; name a new or empty folder'
            )
    elif overwrite:
        _remove_run(output)
    else:
        before = read_run(output)
        if difference := _difference(before, run):
            raise RunFolderError(
                f'{output} holds a run with other settings: {difference}. Give the same settings '
                'to go on with it, another --output, or --overwrite to remove its results'
            )
        run.started = before.started
        run.videos += [video for video in before.videos if video not in run.videos]
        _keep_node(before, run)
    try:
        write_run(output, run)
    except OSError as error:
        raise RunFolderError(
            f'--output {output} cannot be written to ({error.strerror}); name another folder'
        ) from error
    return run


def _difference(before: RunRecord, now: RunRecord) -> str:
    """Name the settings that differ, with both values; empty when none does."""
    old, new = _flat(before), _flat(now)
    passed_over = set(_WITHOUT_EFFECT)
    if not (_uses_node(before) and _uses_node(now)):
        passed_over.add('rate_hz')
    differing = [
        f'{name} was {json.dumps(old.get(name))}, now {json.dumps(new.get(name))}'
        for name in sorted((old.keys() | new.keys()) - passed_over)
        if old.get(name) != new.get(name)
    ]
    return '; '.join(differing[:4]) + ('; …' if len(differing) > 4 else '')


def _keep_node(before: RunRecord, now: RunRecord) -> None:
    """Note what went through tracker and node in all, and the rate that the node was given."""
    through = {before.settings.get('through'), now.settings.get('through')}
    if through == {'tracker'} or through == {'node'}:
        return
    if not _uses_node(now):
        now.settings['rate_hz'] = before.settings.get('rate_hz')
    now.settings['through'] = 'both'


def _uses_node(run: RunRecord) -> bool:
    return run.settings.get('through') in ('node', 'both')


def _flat(run: RunRecord) -> dict[str, Any]:
    """Return the settings by dotted name, with the weights; as JSON gives them back."""
    settings = json.loads(json.dumps({**run.settings, 'weights': run.model.get('sha256')}))
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        entries = value.items() if isinstance(value, dict) else ()
        flat.update({f'{name}.{key}': entry for key, entry in entries} or {name: value})
    return flat


def _remove_run(output: Path) -> None:
    """Remove what a run wrote, and nothing else."""
    for name in (*_FOLDERS, *read_run(output).videos):
        shutil.rmtree(output / name, ignore_errors=True)
    for name in (*_REPORTS, 'run.json'):
        (output / name).unlink(missing_ok=True)
