# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The notebook runs from top to bottom on the clip that comes with the repository."""

from __future__ import annotations

import base64
import json
import re

import cv2
import numpy as np
import pytest
from repository import REPO

from docs.tools import run_notebook

NOTEBOOK = REPO / 'docs' / 'tutorials' / 'core_api.ipynb'


def read(path):
    return json.loads(path.read_text(encoding='utf-8'))


@pytest.fixture(scope='module')
def outputs():
    """Run all cells anew; what each code cell printed and showed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(NOTEBOOK.parent)  # as Jupyter does
        made = run_notebook.run(read(NOTEBOOK))
    return [cell['outputs'] for cell in made['cells'] if cell['cell_type'] == 'code']


def printed(outputs):
    streams = (out for cell in outputs for out in cell if out['output_type'] == 'stream')
    return ''.join(line for out in streams for line in out['text'])


def test_the_instruments_are_followed_and_one_returns(outputs):
    lines = re.findall(
        r'^ ?(\d+) (left|right) +(\w+) .*?(?:IoU ([\d.]+))?$', printed(outputs), re.M
    )
    assert len(lines) == 24
    last = {name: (state, float(overlap)) for _, name, state, overlap in lines[-2:]}
    assert all(state == 'TRACKED' and overlap > 0.5 for state, overlap in last.values())
    assert [int(n) for n, name, state, _ in lines if state == 'OCCLUDED'] == [*range(3, 9)]


def test_the_click_betters_the_mask(outputs):
    before, after = re.search(r'IoU ([\d.]+) before, ([\d.]+) after', printed(outputs)).groups()
    assert float(after) > float(before)


def test_what_was_tracked_is_drawn(outputs):
    [data] = [out['data'] for cell in outputs for out in cell if 'data' in out]
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(data['image/jpeg']), np.uint8), 1)
    assert picture.shape[0] > 512 and picture.shape[1] >= 640


def test_what_is_stored_looks_like_what_it_shows(outputs):
    """So that a reader of the page sees what a run shows; figures may differ by rounding."""
    stored = [c['outputs'] for c in read(NOTEBOOK)['cells'] if c['cell_type'] == 'code']

    def shape(cells):
        return [[out['output_type'] for out in cell] for cell in cells]

    def words(cells):
        return re.sub(r'[\d.]+', '0', printed(cells)).split()

    assert shape(stored) == shape(outputs)
    assert words(stored) == words(outputs)


def test_a_cell_that_fails_is_named():
    cells = [
        {'cell_type': 'markdown', 'source': ['# Title']},
        {'cell_type': 'code', 'source': ['a = 1\n', 'a']},
        {'cell_type': 'code', 'source': ['1 / (a - 1)']},
    ]
    with pytest.raises(ZeroDivisionError) as failure:
        run_notebook.run({'cells': cells})
    assert failure.value.__notes__ == ['in code cell 2']
