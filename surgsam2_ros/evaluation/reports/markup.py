# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""HTML and SVG as text: elements with everything escaped, and numbers as people read them."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from importlib import resources

VOID = ('br', 'circle', 'img', 'line', 'meta', 'path', 'polyline', 'rect', 'use')


class Markup(str):
    """Text that is markup already and is not escaped again."""

    __slots__ = ()


def element(name: str, *children: str | None, **attributes: object) -> Markup:
    """Return an element.

    Args:
        name: of the element.
        children: markup, or text that is escaped; None is left out.
        attributes: None and False are left out, True has no value. A trailing underscore is dropped
            (class_), others become hyphens (stroke_width); viewBox keeps its case.
    """
    written = ''.join(
        f' {key.rstrip("_").replace("_", "-")}'
        + ('' if value is True else f'="{html.escape(_attribute(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in VOID and not children:
        return Markup(f'<{name}{written}/>')
    return Markup(f'<{name}{written}>{join(children)}</{name}>')


def join(parts: Iterable[str | None], between: str = '') -> Markup:
    """Join markup and text, which is escaped."""
    return Markup(between.join(_escaped(part) for part in parts if part is not None))


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    sortable: bool = False,
    text_columns: int = 1,
    class_: str = '',
) -> Markup:
    """Return a table that scrolls sideways where it is wider than the page.

    Args:
        head: names of the columns.
        rows: cells; a tuple subclass is not needed, each has as many cells as `head`.
        sortable: whether a click on the head sorts by the column.
        text_columns: how many columns from the left hold text; the others hold numbers.
        class_: further classes.
    """
    kinds = ['text' if column < text_columns else 'number' for column in range(len(head))]
    cells = [
        element('th', name, class_=kind, scope='col')
        for name, kind in zip(head, kinds, strict=True)
    ]
    lines = [
        element(
            'tr',
            *(element('td', c, class_=kind) for c, kind in zip(row, kinds, strict=True)),
        )
        for row in rows
    ]
    content = element('table', element('thead', element('tr', *cells)), element('tbody', *lines))
    classes = ' '.join(filter(None, ('table', 'sortable' if sortable else '', class_)))
    return element('div', content, class_=classes)


def page(title: str, *content: str) -> Markup:
    """Return a whole page that asks nothing of the network: style and script are inside.

    Args:
        title: shown in the browser's tab.
        content: children of the body's main part.
    """
    policy = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    )
    head = element(
        'head',
        element('meta', charset='utf-8'),
        element('meta', http_equiv='Content-Security-Policy', content=policy),
        element('meta', name_='viewport', content='width=device-width, initial-scale=1'),
        element('meta', name_='color-scheme', content='light dark'),
        element('title', title),
        element('style', Markup(_asset('page.css'))),
    )
    body = element('body', element('main', *content), element('script', Markup(_asset('page.js'))))
    return Markup('<!DOCTYPE html>\n' + element('html', head, body, lang='en') + '\n')


def fraction(value: float | None, digits: int = 3) -> str:
    """Write a score in [0, 1]; an en dash where it is unknown."""
    return '–' if value is None else f'{value:.{digits}f}'


def signed(value: float | None, digits: int = 3) -> str:
    """Write a difference with its sign, a true minus included."""
    if value is None:
        return '–'
    text = f'{value:+.{digits}f}'.replace('-', '−')
    return text if text.strip('+−0.') else '0'


def fine_digits(*values: float) -> int:
    """Digits that show small differences: four where all are below 0.01 or one is lost in three."""
    lost = any(value and not round(value, 3) for value in values)
    return 4 if lost or max(map(abs, values)) < 0.01 else 3


def quantity(value: float | None, unit: str = '') -> str:
    """Write a measured quantity with three significant digits, or all digits before the point."""
    if value is None:
        return '–'
    if float(value).is_integer() and (abs(value) >= 1 or not value):
        text = f'{int(value):,}'
    else:
        digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
        text = f'{value:,.{digits}f}'
    return f'{text} {unit}'.rstrip()


def plural(count: int, noun: str) -> str:
    """Write a count with its noun."""
    return f'{count:,} {noun}' + ('' if count == 1 else 's')


def _attribute(value: object) -> str:
    return f'{value:.2f}'.rstrip('0').rstrip('.') if isinstance(value, float) else str(value)


def _escaped(part: str) -> str:
    return part if isinstance(part, Markup) else html.escape(str(part), quote=False)


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding='utf-8')
