# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Who may use the page: tried on a real server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import httpx
import pytest
from memory_desk import MemoryDesk
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from surgsam2_ros.console.guard import MAX_BODY_BYTES
from surgsam2_ros.console.server import ConsoleServer, ServerSettings, running

TOKEN = 'a-token-of-the-test'
with_token = pytest.mark.parametrize('server', [TOKEN], indirect=True, ids=['token'])


@pytest.fixture(scope='module', params=[None, TOKEN], ids=['open', 'token'])
def server(request: pytest.FixtureRequest) -> Iterator[ConsoleServer]:
    with running(MemoryDesk(), ServerSettings(port=0, token=request.param)) as started:
        yield started


@pytest.fixture
def client(server: ConsoleServer) -> Iterator[httpx.Client]:
    """Give a client that is let in."""
    base = f'http://127.0.0.1:{server.port}'
    with httpx.Client(base_url=base, follow_redirects=True, timeout=30) as client:
        if server.token:
            client.get('/console/main.js', params={'token': TOKEN})
        yield client


def socket_status(server: ConsoleServer, path: str, **headers: str) -> int:
    """Return the HTTP status with which a WebSocket is answered; 101 when it opens."""
    try:
        with connect(f'ws://127.0.0.1:{server.port}{path}', additional_headers=headers):
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code


POLLING = '/_nicegui_ws/socket.io/?EIO=4&transport=polling'
SOCKETS = ('/pixels/camera', '/_nicegui_ws/socket.io/?EIO=4&transport=websocket')


def test_the_page_comes(client):
    assert 'surgsam2 console' in client.get('/').text


def test_a_foreign_origin_is_refused(client):
    for path in ('/', POLLING):
        for origin in ('http://evil.example', 'null', 'http://127.0.0.1:1', 'http://[bad'):
            assert client.get(path, headers={'Origin': origin}).status_code == 403


@pytest.mark.parametrize('path', SOCKETS)
def test_a_foreign_origin_opens_no_websocket(server, client, path):
    cookie = '; '.join(f'{name}={value}' for name, value in client.cookies.items())
    own = f'http://127.0.0.1:{server.port}'
    assert socket_status(server, path, Cookie=cookie, Origin='http://evil.example') == 403
    assert socket_status(server, path, Cookie=cookie, Origin=own) == 101


def test_a_foreign_name_for_this_machine_is_refused(server, client):
    """As when a foreign page's own name is made to lead here, which the Origin would not show."""
    answer = client.get('/', headers={'Host': 'evil.example', 'Origin': 'http://evil.example'})
    assert answer.status_code == 403


@with_token
def test_without_the_token_nothing_is_given(server):
    base = f'http://127.0.0.1:{server.port}'
    for path in ('/', '/console/main.js', '/?token=', '/?token=wrong', '/favicon.ico'):
        answer = httpx.get(base + path)
        assert answer.status_code == 403
        assert 'token' in answer.text
        assert not answer.cookies
    assert all(socket_status(server, path) == 403 for path in SOCKETS)
    wrong = f'surgsam2_console_{server.port}={TOKEN}'
    assert httpx.get(base, headers={'Cookie': wrong}).status_code == 403


@with_token
def test_the_token_is_asked_once_and_leaves_the_address(server):
    base = f'http://127.0.0.1:{server.port}'
    with httpx.Client(follow_redirects=True) as client:
        answer = client.get(base, params={'token': TOKEN, 'other': '1'})
        assert answer.status_code == 200
        assert str(answer.url) == f'{base}/?other=1'
        cookie = answer.history[0].headers['set-cookie'].lower()
        assert 'httponly' in cookie
        assert 'samesite=strict' in cookie
        assert TOKEN not in cookie
        assert client.get(base + '/console/main.js').status_code == 200
    answer = httpx.get(f'{base}//evil.example/?token={TOKEN}')
    assert answer.headers['location'] == '/evil.example/'


def test_a_huge_upload_is_refused(client):
    assert client.post('/', content=b'x' * (MAX_BODY_BYTES + 1)).status_code == 413
    # Of unknown length: cut off, whatever the answer.
    parts = (b'x' * 100_000 for _ in range(MAX_BODY_BYTES // 100_000 + 2))
    with contextlib.suppress(httpx.TransportError):
        assert client.post(POLLING, content=parts).is_error


@pytest.mark.parametrize(
    'path',
    [
        '/console/..%2fserver.py',
        '/console/%2e%2e/server.py',
        '/console/..%5cserver.py',
        '/console//etc/passwd',
        '/console/%2fetc%2fpasswd',
        '/_nicegui/../../etc/passwd',
        '/pixels/..%2f..%2fetc%2fpasswd',
    ],
)
def test_no_file_outside_the_pages_own_is_served(client, path):
    request = client.build_request('GET', '/')
    request.url = request.url.copy_with(raw_path=path.encode())
    answer = client.send(request)
    assert answer.status_code >= 400
    assert 'root:' not in answer.text
    assert 'Copyright' not in answer.text


def test_pages_may_not_be_framed_nor_load_from_elsewhere(client):
    policy = client.get('/').headers['content-security-policy']
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert 'http' not in policy
