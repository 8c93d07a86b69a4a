# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Serves the operator's page over HTTP: on this machine alone, unless told otherwise."""

from __future__ import annotations

import contextlib
import ipaddress
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import FrameType

import uvicorn

from surgsam2_ros.console.application import application
from surgsam2_ros.console.desk import Desk
from surgsam2_ros.console.guard import LOOPBACK_NAMES, MAX_BODY_BYTES, Guard
from surgsam2_ros.console.panels import Panel
from surgsam2_ros.console.session import Console

_START_S = 60.0
_END_S = 10.0
_only_one = threading.Lock()


class ServerError(Exception):
    """The page cannot be served; the text says why and what to do about it."""


@dataclass(frozen=True)
class ServerSettings:
    """Where the page is served, and to whom.

    Attributes:
        host: address to listen on; other than this machine's own, a token is needed.
        port: TCP port; 0 takes a free one.
        token: that browsers must know; None makes one where one is needed.
    """

    host: str = '127.0.0.1'
    port: int = 8090
    token: str | None = field(default=None, repr=False)


class ConsoleServer:
    """A server that runs in a thread of its own.

    Attributes:
        host: address that it listens on.
        port: that it listens on.
        token: that browsers must know; None: none.
        console: the desk and its open pages.
    """

    def __init__(self, desk: Desk, settings: ServerSettings, panels: Sequence[Panel]) -> None:
        """Listen and serve; `stop` ends it.

        Raises:
            ServerError: when the address cannot be had, or this process serves a page already.
        """
        if not _only_one.acquire(blocking=False):
            raise ServerError('this process serves a page already; stop that server first')
        self._stopped = False
        try:
            self.token = settings.token
            if self.token is None and not is_loopback(settings.host):
                self.token = secrets.token_urlsafe(24)
            listening = _listen(settings)
            self.host, self.port = settings.host, listening.getsockname()[1]
            self.console = Console(desk, panels)
            guard = Guard(
                _ForConsole(application(), self.console),
                (*LOOPBACK_NAMES, settings.host.lower()),
                self.token,
            )
            self._server = uvicorn.Server(
                uvicorn.Config(
                    guard,
                    log_level='warning',
                    access_log=False,  # would write the token down
                    server_header=False,
                    ws_max_size=MAX_BODY_BYTES,
                    # JPEG gets no smaller, and the time is the tracker's.
                    ws_per_message_deflate=False,
                    timeout_graceful_shutdown=2,
                )
            )
            self._thread = threading.Thread(
                target=self._server.run, args=([listening],), name='console server', daemon=True
            )
            self._thread.start()
            self._wait_until_started()
        except BaseException:
            _only_one.release()
            raise

    @property
    def url(self) -> str:
        """Address of the page, with its token."""
        host = self.host
        if host in ('0.0.0.0', '::'):
            host = socket.gethostname()
        elif ':' in host:
            host = f'[{host}]'
        query = f'?token={self.token}' if self.token else ''
        return f'http://{host}:{self.port}/{query}'

    @property
    def greeting(self) -> str:
        """What to tell whoever started it."""
        if self.token is None:
            return f'console: {self.url} (this machine alone can open it)'
        where = 'this machine alone' if is_loopback(self.host) else 'other machines too'
        return (
            f'console: {self.url}\n'
            f'Whoever has this address with its token can open the page, on {where}, and command '
            'the tracker. The connection is not encrypted: use it in a network that you trust.'
        )

    @property
    def is_running(self) -> bool:
        """Whether it still serves."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End the server and its pages, not the desk; may be called twice."""
        if self._stopped:
            return
        self._stopped = self._server.should_exit = True
        self._thread.join(_END_S)
        self.console.close()
        _only_one.release()

    def _wait_until_started(self) -> None:
        deadline = time.monotonic() + _START_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                self._server.should_exit = True
                raise ServerError('the server did not start; see its messages above')
            time.sleep(0.01)


class _ForConsole:
    """ASGI application that tells each request which console it is for."""

    def __init__(self, app: Callable, console: Console) -> None:
        self.app = app
        self._console = console

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        scope['console'] = self._console
        await self.app(scope, receive, send)


@contextlib.contextmanager
def running(
    desk: Desk, settings: ServerSettings, panels: Sequence[Panel] = ()
) -> Iterator[ConsoleServer]:
    """Serve a desk until the block ends; the desk stays open."""
    server = ConsoleServer(desk, settings, panels)
    try:
        yield server
    finally:
        server.stop()


def serve(
    desk: Desk,
    settings: ServerSettings,
    panels: Sequence[Panel] = (),
    *,
    stop: threading.Event | None = None,
    announce: Callable[[str], None] = print,
) -> None:
    """Serve a desk until SIGINT, SIGTERM or `stop`; the desk stays open.

    Args:
        desk: what the page works on.
        settings: where and to whom.
        panels: further parts of the page.
        stop: ends it when set.
        announce: is told once where the page is.

    Raises:
        ServerError: when the address cannot be had, this process serves a page already, or the
            server ends by itself.
    """
    stop = stop or threading.Event()
    with _stopping_signals(stop), running(desk, settings, panels) as server:
        announce(server.greeting)
        while not stop.wait(0.5):
            if not server.is_running:
                raise ServerError('the server ended by itself; see its messages above')


@contextlib.contextmanager
def _stopping_signals(stop: threading.Event) -> Iterator[None]:
    """Have signals set the event; only the main thread may ask for that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    before = {
        number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address."""
    if host.lower() == 'localhost':
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(settings: ServerSettings) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address, family=family)
    except (OSError, OverflowError) as error:
        raise ServerError(
            f'port {settings.port} of {settings.host} cannot be opened ({error}); choose another '
            'host or port'
        ) from error
