# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Fills the templates of pages; everything that is no markup is escaped."""

from __future__ import annotations

from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from surgsam2_ros.evaluation.reports import formatting

_FILTERS = ('fraction', 'percent', 'plural', 'quantity', 'signed', 'written')


def fill(template: str, **values: object) -> str:
    """Return a whole page that asks nothing of the network: style and script are inside.

    Args:
        template: file in templates/, such as 'report.html'.
        values: what the template names.

    Raises:
        jinja2.UndefinedError: when the template names what is not given.
    """
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {name: getattr(formatting, name) for name in _FILTERS}
    environment.globals['asset'] = _asset
    return environment


def _asset(name: str) -> Markup:
    """Return a style or a script of ours as it is."""
    return Markup((resources.files(__package__) / 'templates' / name).read_text(encoding='utf-8'))
