# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The server: where it listens, what it says, how it ends."""

from __future__ import annotations

import os
import signal
import socket
import threading

import httpx
import pytest
import uvicorn
from memory_desk import MemoryDesk

from surgsam2_ros.console.desk import Mode
from surgsam2_ros.console.server import (
    ConsoleServer,
    ServerError,
    ServerSettings,
    is_loopback,
    running,
    serve,
)


def test_it_is_bound_to_this_machine_unless_told_otherwise():
    assert ServerSettings().host == '127.0.0.1'
    assert ServerSettings().port == 8090


@pytest.mark.parametrize(
    ('host', 'is_own'),
    [('127.0.0.1', True), ('::1', True), ('localhost', True), ('0.0.0.0', False), ('::', False)],
)
def test_what_only_this_machine_reaches(host, is_own):
    assert is_loopback(host) is is_own


def test_another_address_needs_a_token_and_says_so():
    said = []
    stop = threading.Event()

    def announce(text: str) -> None:
        said.append(text)
        stop.set()

    serve(MemoryDesk(), ServerSettings('0.0.0.0', 0), stop=stop, announce=announce)
    (greeting,) = said
    assert '?token=' in greeting
    assert 'other machines' in greeting


def test_a_port_in_use_is_named():
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ServerError, match=f'port {port} of 127.0.0.1'),
            running(MemoryDesk(), ServerSettings(port=port)),
        ):
            pass


def test_one_server_can_follow_another_but_not_run_beside_it():
    for _ in range(2):
        with running(MemoryDesk(), ServerSettings(port=0)) as server:
            assert httpx.get(server.url, timeout=30).status_code == 200
            with pytest.raises(ServerError, match='already'):
                ConsoleServer(MemoryDesk(), ServerSettings(port=0), ())


@pytest.mark.parametrize('mode', Mode)
def test_the_page_is_told_whether_pictures_come_by_themselves(mode):
    with running(MemoryDesk(mode=mode), ServerSettings(port=0)) as server:
        page = httpx.get(server.url, timeout=30).text.replace('\\"', '"')
    assert f'"live": {"true" if mode is Mode.LIVE else "false"}' in page


def test_a_server_that_ends_by_itself_is_an_error(monkeypatch):
    started, end = uvicorn.Server.startup, threading.Event()

    async def start_and_end(server: uvicorn.Server, **given) -> None:
        await started(server, **given)
        end.wait(30)
        server.should_exit = True

    monkeypatch.setattr(uvicorn.Server, 'startup', start_and_end)
    with pytest.raises(ServerError, match='ended by itself'):
        serve(MemoryDesk(), ServerSettings(port=0), announce=lambda _: end.set())
    monkeypatch.undo()
    with running(MemoryDesk(), ServerSettings(port=0)):
        pass  # the next one has its turn


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_and_are_handled_as_before_afterwards(number):
    before = signal.getsignal(number)
    serve(
        MemoryDesk(),
        ServerSettings(port=0),
        announce=lambda _: os.kill(os.getpid(), number),
    )
    assert signal.getsignal(number) is before
