# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Runs the cells of a notebook in this interpreter, without Jupyter, and keeps what they show.

python docs/tools/run_notebook.py docs/tutorials/core_api.ipynb     # renews its outputs
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any


def run(notebook: dict[str, Any]) -> dict[str, Any]:
    """Run the code cells one after the other.

    Args:
        notebook: of nbformat 4.

    Returns:
        The notebook with what the cells print, and what their last expressions show.

    Raises:
        Exception: whatever a cell raises, with a note that names the cell.
    """
    names: dict[str, Any] = {'__name__': '__main__'}
    cells, count = [], 0
    for cell in notebook['cells']:
        if cell['cell_type'] != 'code':
            cells.append(cell)
            continue
        count += 1
        try:
            outputs = _run_cell(''.join(cell['source']), names, count)
        except Exception as error:
            error.add_note(f'in code cell {count}')
            raise
        cells.append({**cell, 'execution_count': count, 'outputs': outputs})
    return {**notebook, 'cells': cells}


def _run_cell(source: str, names: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """Run one cell; returns its outputs as nbformat has them."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed, shown = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, f'<cell {count}>', 'exec'), names)
        if last is not None:
            expression = ast.Expression(last.value)
            shown = eval(compile(expression, f'<cell {count}>', 'eval'), names)
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        text = printed.getvalue().splitlines(keepends=True)
        outputs.append({'name': 'stdout', 'output_type': 'stream', 'text': text})
    if shown is not None:
        data: dict[str, Any] = {'text/plain': repr(shown).splitlines(keepends=True)}
        if hasattr(shown, '_repr_jpeg_'):
            data = {'image/jpeg': base64.b64encode(shown._repr_jpeg_()).decode('ascii')}
        outputs.append(
            {
                'data': data,
                'execution_count': count,
                'metadata': {},
                'output_type': 'execute_result',
            }
        )
    return outputs


def main(path: Path) -> None:
    """Renew the outputs of a notebook."""
    notebook = run(json.loads(path.read_text(encoding='utf-8')))
    text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + '\n'
    path.write_text(text, encoding='utf-8')


if __name__ == '__main__':
    main(Path(sys.argv[1]))
