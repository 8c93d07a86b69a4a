# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Turns stored measurements into tables of README.md, docs/performance.md and models/README.md.

`python docs/tools/figures.py --write` fills them in; without it the tables go to standard output.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if __package__:
    from docs.tools import card_figures
    from docs.tools.generated_part import GeneratedPart
else:  # run as a program, whose folder is the path
    import card_figures
    from generated_part import GeneratedPart
from surgsam2_ros.benchmarks.rendering_cost import markdown_table as rendering_table
from surgsam2_ros.benchmarks.tables import markdown_table
from surgsam2_ros.benchmarks.through_node_table import node_table
from surgsam2_ros.benchmarks.token_table import markdown_table as token_table

REPO = Path(__file__).resolve().parents[2]
FOLDER = Path('docs') / 'benchmarks'
ACCURACY = FOLDER / 'accuracy'
NODE = FOLDER / 'parts' / 'nano_320_node_avx2.json'
RENDERING = FOLDER / 'parts' / 'rendering.json'
DEFAULT = 'surgsam2_nano_320 (default)'
BOARDS = {
    DEFAULT: ACCURACY / 'board_nano_320.json',
    'surgsam2_nano (rendered scenes alone)': ACCURACY / 'board_nano.json',
}
REAL = 'real'  # name of the board of real surgical video
_PROMPTS = (('mask', 'a mask'), ('box', 'a box'), ('click', 'a click'))


def benchmarks(folder: Path) -> str:
    """Return a table for each JSON file that `surgsam2 bench --json` wrote into a folder, by name.

    Raises:
        ValueError: when there is no such file, or one of them has no rows.
    """
    paths = sorted(folder.glob('*.json'))
    if not paths:
        raise ValueError(f'{folder} has no JSON files; write one with surgsam2 bench --json')
    tables = []
    for path in paths:
        report = _read(path)
        if report.get('rows'):
            tables.append(markdown_table(report))
        elif report.get('rows_through_node'):
            tables.append(node_table(report))
        else:
            raise ValueError(f'{path} has no rows; write it with surgsam2 bench --json')
    return '\n\n'.join(tables) + '\n'


def speed(report: dict[str, Any]) -> str:
    """Return a short table of a report of `surgsam2 bench --through node`."""
    lines = ['| network | image | results per second | age of a result, median (95 %) | cores |']
    lines.append('|---|---|---|---|---|')
    for row in report['rows_through_node']:
        latency = row['latency_ms']
        lines.append(
            f'| {row["model"]}, {row["objects"]} objects | {row["image"]} at '
            f'{row["camera_rate_hz"]:.0f} Hz | {row["MEAN_FRAME_RATE"]:.1f} | '
            f'{latency["p50"]:.0f} ({latency["p95"]:.0f}) ms | {row["cpu_cores"]:.1f} |'
        )
    return '\n'.join(lines) + '\n'


def accuracy(boards: dict[str, dict[str, Any]]) -> str:
    """Return a table of J on real video, and of how many TRACKED masks are wrong.

    Other networks than the default one have a line for masks alone.

    Args:
        boards: name of a network -> what `surgsam2 evaluate --board --json` wrote.
    """
    lines = ['| network | from | laparoscopic clip | da Vinci | mean | wrong of `TRACKED` |']
    lines.append('|---|---|---|---|---|---|')
    for name, report in boards.items():
        board = next(entry for entry in report['boards'] if entry['board'] == REAL)
        for prompt, title in _PROMPTS if name == DEFAULT else _PROMPTS[:1]:
            cholec, dvrk = (board['sources'][source][prompt] for source in ('cholec', 'dvrk'))
            promise = board['promise'][prompt]
            lines.append(
                f'| {name} | {title} | {cholec:.3f} | {dvrk:.3f} | {board["J"][prompt]:.3f} | '
                f'{promise["broken"]} of {promise["tracked"]} |'
            )
    return '\n'.join(lines) + '\n'


def parts(root: Path) -> dict[Path, dict[GeneratedPart, str]]:
    """Return the generated parts of each document, below the root of the repository."""
    boards = {name: _read(root / path) for name, path in BOARDS.items()}
    tokens = _read(root / ACCURACY / 'token_curve.json')
    return {
        root / 'README.md': {
            GeneratedPart('speed'): speed(_read(root / NODE)),
            GeneratedPart('accuracy'): accuracy(boards),
        },
        root / 'docs' / 'performance.md': {
            GeneratedPart('benchmarks'): benchmarks(root / FOLDER),
            GeneratedPart('rendering'): rendering_table(_read(root / RENDERING)) + '\n',
            GeneratedPart('tokens'): token_table(tokens).split('\n\n')[0] + '\n',
        },
        root / 'models' / 'README.md': card(root / ACCURACY),
    }


def card(folder: Path) -> dict[GeneratedPart, str]:
    """Return the generated parts of the networks' card.

    Args:
        folder: of the files that `surgsam2 evaluate --board --json` wrote.
    """
    names = ('surgsam2_nano_320', 'surgsam2_nano')
    files = {name: name.removeprefix('surgsam2_') for name in names}
    measured = {name: _read(folder / f'board_{file}.json') for name, file in files.items()}
    held_out = {name: _read(folder / f'held_out_{file}.json') for name, file in files.items()}
    sizes = [_read(folder / f'held_out_nano_320{px}.json') for px in ('_256', '', '_384')]
    corrected = {
        '`real`': measured[names[0]]['boards'][0],
        'the held-out clips': held_out[names[0]]['boards'][0],
    }
    return {
        GeneratedPart('boards'): card_figures.boards(measured, held_out),
        GeneratedPart('sizes'): card_figures.sizes(sizes),
        GeneratedPart('corrections'): card_figures.corrections(corrected),
    }


def filled_in(document: str, texts: dict[GeneratedPart, str]) -> str:
    """Return a document with these texts between their markers.

    Raises:
        ValueError: when the document has not exactly one of each marker, in order.
    """
    for part, text in texts.items():
        document = part.replaced(document, text)
    return document


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding='utf-8'))


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill in the tables of the documents, or write them to standard output."""
    parser = argparse.ArgumentParser(
        prog='python docs/tools/figures.py', description=__doc__.splitlines()[0]
    )
    parser.add_argument('--write', action='store_true', help='fill in the documents')
    parser.add_argument('--root', type=Path, default=REPO, help='repository (%(default)s)')
    options = parser.parse_args(arguments)
    for path, texts in parts(options.root).items():
        if options.write:
            document = filled_in(path.read_text(encoding='utf-8'), texts)
            path.write_text(document, encoding='utf-8')
        else:
            sys.stdout.write('\n'.join([f'{path.name}:', *texts.values()]))
    return 0


if __name__ == '__main__':
    sys.exit(main())
