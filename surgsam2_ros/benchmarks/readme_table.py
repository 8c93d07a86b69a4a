# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Turns the files that `surgsam2 bench --json` wrote into the tables of README.md."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from surgsam2_ros.benchmarks.tables import markdown_table
from surgsam2_ros.benchmarks.through_node_table import node_table
from surgsam2_ros.generated import GeneratedPart

PART = GeneratedPart('benchmarks')
FOLDER = Path('docs') / 'benchmarks'


def benchmarks_markdown(folder: Path) -> str:
    """Return a table for each JSON file of a folder, by name.

    Raises:
        ValueError: when there is no such file, or one of them has no rows.
    """
    paths = sorted(folder.glob('*.json'))
    if not paths:
        raise ValueError(f'{folder} has no JSON files; write one with surgsam2 bench --json')
    tables = []
    for path in paths:
        report = json.loads(path.read_text(encoding='utf-8'))
        if report.get('rows'):
            tables.append(markdown_table(report))
        elif report.get('rows_through_node'):
            tables.append(node_table(report))
        else:
            raise ValueError(f'{path} has no rows; write it with surgsam2 bench --json')
    return '\n\n'.join(tables) + '\n'


def insert_benchmarks(document: str, folder: Path) -> str:
    """Return a document with the tables between its markers.

    Raises:
        ValueError: when the document has not exactly one of each marker, in order, or there is
            nothing to insert.
    """
    return PART.replaced(document, benchmarks_markdown(folder))


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill in the tables of a document, or write them to standard output."""
    parser = argparse.ArgumentParser(
        prog='python -m surgsam2_ros.benchmarks.readme_table', description=__doc__.splitlines()[0]
    )
    parser.add_argument('--write', type=Path, metavar='README.md', help='fill in its benchmarks')
    parser.add_argument(
        '--from',
        dest='folder',
        type=Path,
        default=FOLDER,
        metavar='FOLDER',
        help='folder of the JSON files (%(default)s)',
    )
    options = parser.parse_args(arguments)
    if options.write is None:
        sys.stdout.write(benchmarks_markdown(options.folder))
        return 0
    document = options.write.read_text(encoding='utf-8')
    options.write.write_text(insert_benchmarks(document, options.folder), encoding='utf-8')
    return 0


if __name__ == '__main__':
    sys.exit(main())
