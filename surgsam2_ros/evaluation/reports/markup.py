# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Elements of the charts, which are computed; what is laid out is in templates/."""

from __future__ import annotations

from markupsafe import Markup, escape

_VOID = ('circle', 'line', 'path', 'polyline', 'rect', 'use')


def element(name: str, *children: str | None, **attributes: object) -> Markup:
    """Return an element of SVG or HTML.

    Args:
        name: of the element.
        children: markup, or text that is escaped; None is left out.
        attributes: None and False are left out, True has no value. A trailing underscore is dropped
            (class_), others become hyphens (stroke_width); viewBox keeps its case.
    """
    written = Markup('').join(
        Markup(' {}' if value is True else ' {}="{}"').format(
            key.rstrip('_').replace('_', '-'), _attribute(value)
        )
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID and not children:
        return Markup(f'<{name}{written}/>')
    content = Markup('').join(escape(child) for child in children if child is not None)
    return Markup(f'<{name}{written}>{content}</{name}>')


def _attribute(value: object) -> str:
    return f'{value:.2f}'.rstrip('0').rstrip('.') if isinstance(value, float) else str(value)
