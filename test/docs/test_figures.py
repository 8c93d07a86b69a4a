# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The documents' figures against the files that they are made of."""

from __future__ import annotations

import json
import re

import pytest
from repository import REPO

from docs.tools import figures
from docs.tools.generated_part import GeneratedPart

PART = GeneratedPart('benchmarks')


def report(*rows):
    return {
        'command': 'surgsam2 bench --models nano',
        'threads': 1,
        'growth_frames': None,
        'peak_gflop_per_s': 123.4,
        'hardware': {'processor': 'Abacus', 'cores': 2, 'memory_gb': 1.0, 'gpu': None},
        'versions': {'torch': '2.0'},
        'rows': list(rows),
    }


def row(objects=1):
    return {
        'model': 'nano',
        'weights': 'random',
        'size': 256,
        'objects': objects,
        'against': None,
        'wall_ms': 50.0,
        'cpu_ms': 98.0,
        'gflop_per_s': 80.0,
        'stages_cpu_ms': {'encoder': 98.0},
        'peak_memory_mb': 31.4,
        'memory_growth_mb': None,
    }


@pytest.mark.parametrize(
    'path, texts', figures.parts(REPO).items(), ids=lambda value: getattr(value, 'name', '')
)
def test_the_documents_have_the_figures_of_the_files(path, texts):
    document = path.read_text(encoding='utf-8')
    assert figures.filled_in(document, texts) == document, (
        'run python docs/tools/figures.py --write'
    )


def test_the_files_are_made_by_make_bench():
    makefile = (REPO / 'Makefile').read_text(encoding='utf-8')
    for path in (REPO / figures.FOLDER).glob('*.json'):
        assert f'--json {path.relative_to(REPO)}' in makefile
        command = json.loads(path.read_text(encoding='utf-8'))['command']
        assert f'--json {path.relative_to(REPO)}' in command


def test_tables_are_in_the_order_of_the_files(tmp_path):
    for name, objects in (('b', 2), ('a', 1)):
        (tmp_path / f'{name}.json').write_text(json.dumps(report(row(objects))))
    written = figures.benchmarks(tmp_path)
    assert written.index('| nano | 256 | 1 |') < written.index('| nano | 256 | 2 |')


def test_a_part_replaces_what_stood_between_its_markers():
    document = f'# Title\n{PART.begin}\nbefore\n{PART.end}\n## More\n'
    written = figures.filled_in(document, {PART: 'table\n'})
    assert written.startswith('# Title\n') and written.endswith('\n## More\n')
    assert 'table' in written and 'before' not in written


@pytest.mark.parametrize(
    'document, words',
    [('no markers', 'benchmarks:begin'), (f'{PART.end}\n{PART.begin}', 'exchange them')],
)
def test_a_document_without_its_markers_is_refused(document, words):
    with pytest.raises(ValueError, match=words):
        figures.filled_in(document, {PART: 'table\n'})


@pytest.mark.parametrize(
    'content, words', [('{"rows": []}', 'has no rows'), (None, 'no JSON files')]
)
def test_what_is_no_measurement_is_refused(content, words, tmp_path):
    if content is not None:
        (tmp_path / 'a.json').write_text(content)
    with pytest.raises(ValueError, match=words):
        figures.benchmarks(tmp_path)


def test_speed_has_a_line_for_each_size_of_image():
    measured = {
        'model': 'nano',
        'objects': 2,
        'image': '640x512',
        'camera_rate_hz': 30.0,
        'MEAN_FRAME_RATE': 21.118,
        'latency_ms': {'p50': 99.6, 'p95': 120.9},
        'cpu_cores': 1.501,
    }
    written = figures.speed({'rows_through_node': [measured, {**measured, 'image': '9x9'}]})
    assert '| nano, 2 objects | 640x512 at 30 Hz | 21.1 | 100 (121) ms | 1.5 |' in written
    assert len(written.splitlines()) == 4


def test_accuracy_tells_what_tracked_is_worth():
    kinds = ('mask', 'box', 'click')
    board = {
        'board': 'real',
        'J': dict.fromkeys(kinds, 0.55),
        'sources': {'cholec': dict.fromkeys(kinds, 0.5), 'dvrk': dict.fromkeys(kinds, 0.6)},
        'promise': {kind: {'broken': 3, 'tracked': 40} for kind in kinds},
    }
    report = {'boards': [{'board': 'davis'}, board]}
    written = figures.accuracy({figures.DEFAULT: report, 'other': report})
    assert f'| {figures.DEFAULT} | a click | 0.500 | 0.600 | 0.550 | 3 of 40 |' in written
    assert '| other | a mask |' in written and '| other | a click |' not in written


def test_the_readme_is_short():
    assert len((REPO / 'README.md').read_text(encoding='utf-8').splitlines()) <= 150


@pytest.mark.parametrize(
    'path',
    [REPO / 'README.md', REPO / 'models' / 'README.md', *sorted((REPO / 'docs').rglob('*.md'))],
    ids=lambda path: f'{path.parent.name}/{path.name}',
)
def test_links_lead_somewhere(path):
    text = path.read_text(encoding='utf-8')
    for target in re.findall(r'\]\(([^)#:]+?)(#[^)]*)?\)', text):
        assert (path.parent / target[0]).exists(), f'{path.name} links to {target[0]}'
