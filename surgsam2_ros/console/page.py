# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The page: what stands where."""

from __future__ import annotations

from fastapi import Request
from nicegui import ui

from surgsam2_ros.console.session import Console


async def build_page(console: Console, request: Request) -> None:
    """Build one page for one visitor."""
    session = console.open_session(request.cookies.get('operator', ''))
    ui.label(session.name)
