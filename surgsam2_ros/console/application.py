# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The web application: the page, its files and its pictures.

NiceGUI knows one application in a process, so this one is made once; which console a request is
for stands in its scope.
"""

from __future__ import annotations

import functools
from pathlib import Path

from fastapi import FastAPI, Request, WebSocket
from fastapi.staticfiles import StaticFiles
from nicegui import Client, ui
from starlette.responses import Response
from starlette.types import Scope

from surgsam2_ros.console.icons import LOGO
from surgsam2_ros.console.page import build_page
from surgsam2_ros.console.pixel_stream import ShownPictures, stream_pictures
from surgsam2_ros.console.session import Console

STATIC = Path(__file__).resolve().parent / 'static'
RECONNECT_S = 10.0
_NO_SUCH_CAMERA = 4404


@functools.cache
def application() -> FastAPI:
    """Make the application."""
    app = FastAPI(title='console', docs_url=None, redoc_url=None, openapi_url=None)
    app.mount('/console', _Files(directory=STATIC))

    @app.websocket('/pixels/{camera:path}')
    async def pixels(websocket: WebSocket, camera: str, page: str = '') -> None:
        console: Console = websocket.scope['console']
        feed = console.feed(camera)
        await websocket.accept()
        if feed is None:
            await websocket.close(_NO_SUCH_CAMERA, f"there is no camera '{camera[:60]}'")
            return
        session = console.sessions.get(page)
        await stream_pictures(websocket, feed, session.pictures if session else ShownPictures())

    @ui.page('/', title='surgsam2 console', dark=None)
    def page(request: Request, client: Client) -> None:
        build_page(request.scope['console'], request, client)

    ui.run_with(
        app,
        title='surgsam2 console',
        favicon=LOGO,
        dark=None,
        tailwind=False,
        reconnect_timeout=RECONNECT_S,
        show_welcome_message=False,
        viewport='width=device-width, initial-scale=1, maximum-scale=1, viewport-fit=cover',
    )
    return app


class _Files(StaticFiles):
    """Files that browsers ask about each time, so that a new version shows at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers['cache-control'] = 'no-cache'
        return response
