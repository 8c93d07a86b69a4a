# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Every figure that the documents quote is in a file that a command makes; others are settings."""

from __future__ import annotations

import json
import re

import pytest
from repository import REPO

from docs.tools import quoted_figures
from docs.tools.quoted_figures import Quotes, disagreements, filled_in

MEASURED = {'speed': {'rows': [{'wall_ms': 13.54, 'gflop': 2.0}, {'gflop': 3.0, 'share': 0.124}]}}
TIME = 'A frame takes {speed:rows.0.wall_ms:.0f} ms'


def found(document, quoted=(), stated=()):
    return list(disagreements(document, Quotes(quoted, stated), MEASURED))


@pytest.mark.parametrize(
    ('path', 'texts'), quoted_figures.check(REPO).items(), ids=lambda value: str(value)[:40]
)
def test_the_documents_quote_what_was_measured(path, texts):
    assert texts == [], f'see docs/tools/quoted_figures.py: {path}'


def test_every_stored_measurement_names_its_command():
    for path in (REPO / quoted_figures.MEASURED).rglob('*.json'):
        command = json.loads(path.read_text(encoding='utf-8'))['command']
        limits = r'([A-Z_]+=[\w./]+ )*'  # of the processor, and where a library lies
        assert re.match(rf'{limits}(surgsam2|python docs/tools/\S+|make) ', command), path.name


def test_no_stored_measurement_names_a_folder_of_the_machine_it_was_made_on():
    for path in (REPO / quoted_figures.MEASURED).rglob('*.json'):
        assert '"/' not in path.read_text(encoding='utf-8'), path.name


def test_a_sentence_that_agrees_is_covered():
    assert found('So:\n**A frame\ntakes 14 ms**, often.', [TIME]) == []


def test_a_figure_that_differs_from_its_file_is_named():
    text = found('A frame takes 13 ms.', [TIME])
    assert text[0] == '"A frame takes 14 ms" is measured, but not what the document says'
    assert text[1].startswith('13 has no source: ')


@pytest.mark.parametrize(
    'claim',
    [
        'J 0.713',
        '9 ms',
        '2.3 times as fast',
        '24 frames a second',
        '30.5 %',
        '508 GFLOP/s',
        '3 of 95',
    ],
)
def test_a_figure_without_a_source_is_named(claim):
    assert len(found(f'It has {claim}.')) == 1
    assert found(f'It has {claim}.', stated=[claim]) == []


@pytest.mark.parametrize(
    'text',
    [
        'In 2017 there were 10 sequences of 640x512.',
        'Version 1.23 with `0.713` and\n\n    surgsam2 --rate 15.0 0.713 ms\n',
        '<!-- a:begin -->\n| 0.713 | 9 ms |\n<!-- a:end -->',
        '[a page](https://example.org/0.713)',
    ],
)
def test_what_is_no_claim_is_passed_over(text):
    assert found(text) == []


def test_a_listed_sentence_that_is_gone_is_named():
    assert found('Nothing.', stated=['at 30 Hz']) == [
        '"at 30 Hz" is listed as stated, but is not in the document any more'
    ]


def test_ratios_differences_and_percent_are_worked_out():
    assert filled_in('{speed:rows.1.gflop / rows.0.gflop:.2f}', MEASURED) == '1.50'
    assert filled_in('{speed:rows.1.gflop - rows.0.gflop:.1f}', MEASURED) == '1.0'
    assert filled_in('{speed:rows.1.share:.0%}', MEASURED) == '12 %'


@pytest.mark.parametrize(
    ('place', 'words'),
    [('{none:rows:d}', 'no none.json'), ('{speed:rows.0.j:d}', "no 'j' there")],
)
def test_a_place_that_no_file_has_is_named(place, words):
    with pytest.raises(ValueError, match=words):
        filled_in(place, MEASURED)
