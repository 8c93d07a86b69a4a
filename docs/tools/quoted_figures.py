# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Holds what the documents quote of measurements to the files that were measured.

`docs/quoted_figures.yaml` has, for each document, sentences with a place in a file of
`docs/benchmarks/` instead of each figure, `{small_512:rows.0.wall_ms:.0f} ms`; filled in, they must
stand in the document. What looks like a figure of accuracy or speed there and is in none of them
must be among the numbers that it names as no measurement of ours: settings, definitions, results of
others. Tables between markers are made by `figures.py`, and code is no claim.

`python docs/tools/quoted_figures.py` names what does not agree; the commands that make the files
are in the files.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REPO = Path(__file__).resolve().parents[2]
LIST = Path('docs') / 'quoted_figures.yaml'
MEASURED = Path('docs') / 'benchmarks'
_UNITS = (
    'ms|Hz|MB|GFLOP(?:/s)?|%|times|(?:frames|images|results)(?: a|/| per) ?s(?:econd)?|megabytes'
)
FIGURE = re.compile(
    rf'(?<![\w.])(?:0\.\d\d+|\d[\d,.]*(?= ?(?:{_UNITS})(?!\w))|\d[\d,]*(?= of (?:the )?\d))'
)
"""A share with two or more decimals, a number with a unit of speed or memory, or `23 of 95`."""
_PLACE = re.compile(r'\{(?P<file>\w+):(?P<path>[^:{}]+):(?P<format>[^:{}]*)\}')
_GENERATED = re.compile(r'<!-- (?P<part>[\w-]+):begin -->.*?<!-- (?P=part):end -->', re.DOTALL)
_CODE = re.compile(r'```[\s\S]*?```|`[^`\n]*`|^(?: {4}|\t)[^\n]*$', re.MULTILINE)
_ADDRESS = re.compile(r'(?<=\])\([^)]*\)|https?://\S+')


@dataclass(frozen=True)
class Quotes:
    """What is said of one document.

    Attributes:
        quoted: sentences with places in files.
        stated: parts of sentences with numbers that are no measurement of ours.
    """

    quoted: Sequence[str]
    stated: Sequence[str]


def read_list(root: Path) -> dict[Path, Quotes]:
    """Return the quotes by document, relative to the root of the repository."""
    content = yaml.safe_load((root / LIST).read_text(encoding='utf-8'))
    return {
        Path(name): Quotes(entry.get('quoted') or (), entry.get('stated') or ())
        for name, entry in content.items()
    }


def read_measurements(root: Path) -> dict[str, Any]:
    """Return what the JSON files below docs/benchmarks hold, by their names without suffix."""
    paths = sorted((root / MEASURED).rglob('*.json'))
    return {path.stem: json.loads(path.read_text(encoding='utf-8')) for path in paths}


def filled_in(sentence: str, measured: Mapping[str, Any]) -> str:
    """Put the figures into a sentence; `a / b` and `a - b` are of two places of one file.

    Raises:
        ValueError: naming the place that no file has.
    """

    def figure(match: re.Match[str]) -> str:
        content = measured.get(match['file'])
        if content is None:
            raise ValueError(f'{match[0]}: there is no {match["file"]}.json in {MEASURED}')
        first, operator, second = re.fullmatch(r'(.+?)(?: ([/-]) (.+))?', match['path']).groups()
        value = _at(content, first, match[0])
        if operator == '/':
            value /= _at(content, second, match[0])
        elif operator == '-':
            value -= _at(content, second, match[0])
        return format(value, match['format']).replace('%', ' %')

    return _PLACE.sub(figure, sentence)


def disagreements(document: str, quotes: Quotes, measured: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the figures of a document, for people.

    Args:
        document: Markdown.
        quotes: what is said of it.
        measured: see `read_measurements`.
    """
    text = _prose(document)
    covered: list[tuple[int, int]] = []
    for sentence in quotes.quoted:
        expected = _words(filled_in(sentence, measured))
        places = _places_of(expected, text)
        if not places:
            yield f'"{expected}" is measured, but not what the document says'
        covered += places
    for stated in quotes.stated:
        places = _places_of(_words(stated), text)
        if not places:
            yield f'"{stated}" is listed as stated, but is not in the document any more'
        covered += places
    for match in FIGURE.finditer(text):
        if not any(begin <= match.start() and match.end() <= end for begin, end in covered):
            near = text[max(match.start() - 50, 0) : match.end() + 30]
            yield f'{match[0]} has no source: "…{near}…"'


def check(root: Path) -> dict[Path, list[str]]:
    """Return what is wrong, by document; documents that the list does not name have no quotes."""
    quotes, measured = read_list(root), read_measurements(root)
    names = ('README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'models/README.md')
    paths = [Path(name) for name in names]
    paths += [path.relative_to(root) for path in sorted((root / 'docs').rglob('*.md'))]
    unknown = sorted(set(quotes) - set(paths))
    found = {path: ['is listed, but is no document'] for path in unknown}
    for path in paths:
        document = (root / path).read_text(encoding='utf-8')
        found[path] = list(disagreements(document, quotes.get(path, Quotes((), ())), measured))
    return found


def _prose(document: str) -> str:
    """Return a document without tables that are generated, code and addresses, as plain words."""
    for pattern in (_GENERATED, _CODE, _ADDRESS):
        document = pattern.sub(' ', document)
    return _words(document)


def _words(text: str) -> str:
    """Join lines and leave out what only sets words off."""
    return ' '.join(re.sub(r'[*`]', ' ', _CODE.sub(' ', text)).split())


def _places_of(words: str, text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(re.escape(words), text)]


def _at(content: Any, path: str, place: str) -> Any:
    for step in path.split('.'):
        try:
            content = content[int(step) if isinstance(content, list) else step]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise ValueError(f'{place}: the file has no {step!r} there') from error
    return content


def main() -> int:
    """Print what is wrong; returns 1 if anything is."""
    found = check(REPO)
    for path, texts in found.items():
        for text in texts:
            print(f'{path}: {text}')
    return int(any(found.values()))


if __name__ == '__main__':
    sys.exit(main())
