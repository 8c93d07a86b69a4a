# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Who may use the page: checked before anything else sees a request or a WebSocket.

- The Host must be one that the server was bound to, so that no foreign name that was made to point
  to this machine (DNS rebinding) reaches it; with a token any Host will do.
- An Origin, which browsers send with WebSockets and posted data, must be the Host's.
- With a token, every request needs it once in the query (`?token=…`), from then on in a cookie.
- Bodies are limited, also those whose length was not said.
"""

from __future__ import annotations

import hashlib
import hmac
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 1_000_000
LOOPBACK_NAMES = ('localhost', '127.0.0.1', '::1')
_REFUSED = 4403
_YEAR_S = 365 * 24 * 3600

# NiceGUI compiles its templates in the browser, hence 'unsafe-eval'; everything is our own.
_HEADERS = (
    (
        b'content-security-policy',
        b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        b"style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        b"connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        b"frame-ancestors 'none'",
    ),
    (b'x-content-type-options', b'nosniff'),
    (b'referrer-policy', b'no-referrer'),
)


class RefusedError(Exception):
    """A request is not let in; the text says why and what to do about it."""

    def __init__(self, status: int, text: str) -> None:
        """Keep the HTTP status beside the text."""
        super().__init__(text)
        self.status = status


class Guard:
    """ASGI application that lets in what may come in.

    Attributes:
        app: what it guards.
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...], token: str | None) -> None:
        """Guard an application.

        Args:
            app: the application.
            hosts: names under which the server is known, without ports; any with a token.
            token: that a client must know; None: everybody who reaches the server is let in.
        """
        self.app = app
        self._hosts = frozenset(hosts)
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, WebSocket or the server's start and end."""
        if scope['type'] == 'lifespan':
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._check_names(headers)
            enters = self._check_token(scope, headers)
            _check_length(headers)
        except RefusedError as refusal:
            await _refuse(refusal, scope, receive, send)
            return
        if enters:
            await self._welcome(scope, headers)(scope, receive, send)
        else:
            await self.app(scope, _limited(receive), _with_headers(send))

    def _check_names(self, headers: Headers) -> None:
        host = headers.get('host', '')
        if self._token is None and _hostname(host) not in self._hosts:
            raise RefusedError(
                403,
                f"this server is not known as '{host[:200]}'; open it as "
                f'{" or ".join(sorted(self._hosts))}, or start it with a token',
            )
        origin = headers.get('origin')
        if origin is not None and _netloc(origin) != host:
            raise RefusedError(403, f"pages of '{origin[:200]}' may not use this server")

    def _check_token(self, scope: Scope, headers: Headers) -> bool:
        """Return whether the client gave the token in the query and wants its cookie."""
        if self._token is None:
            return False
        query = dict(parse_qsl(scope['query_string'].decode('latin-1')))
        given = query.get('token')
        if given is not None and _equal(given, self._token):
            return scope['type'] == 'http' and scope['method'] == 'GET'
        if not _equal(_cookie(headers, self._cookie_name(headers)), self._cookie_value()):
            raise RefusedError(
                403, 'this page needs its token; open the address that the server printed'
            )
        return False

    def _cookie_name(self, headers: Headers) -> str:
        # Browsers send cookies to every port of a host: each server has its own.
        port = headers.get('host', '').rpartition(':')[2]
        return f'surgsam2_console_{port if port.isdecimal() else 0}'

    def _cookie_value(self) -> str:
        return hmac.new((self._token or '').encode(), b'cookie', hashlib.sha256).hexdigest()

    def _welcome(self, scope: Scope, headers: Headers) -> Response:
        """Take the token out of the address, where histories would keep it."""
        query = parse_qsl(scope['query_string'].decode('latin-1'))
        rest = urlencode([(name, value) for name, value in query if name != 'token'])
        # One slash: two at the start would lead to another host.
        path = '/' + scope['path'].lstrip('/\\')
        response = RedirectResponse(path + (f'?{rest}' if rest else ''), status_code=303)
        response.set_cookie(
            self._cookie_name(headers),
            self._cookie_value(),
            max_age=_YEAR_S,
            httponly=True,
            samesite='strict',
            secure=scope['scheme'] == 'https',
        )
        response.headers['referrer-policy'] = 'no-referrer'
        return response


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ''


def _hostname(host: str) -> str:
    try:
        return urlsplit(f'//{host}').hostname or ''
    except ValueError:
        return ''


def _equal(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


def _cookie(headers: Headers, name: str) -> str:
    try:
        morsel = SimpleCookie(headers.get('cookie', '')).get(name)
    except CookieError:
        return ''
    return morsel.value if morsel else ''


def _check_length(headers: Headers) -> None:
    length = headers.get('content-length', '0')
    if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
        raise _too_long()


def _too_long() -> RefusedError:
    return RefusedError(413, f'requests may have {MAX_BODY_BYTES} bytes at most')


def _limited(receive: Receive) -> Receive:
    """Count the bytes of bodies whose length was not said."""
    received = 0

    async def receive_limited() -> Message:
        nonlocal received
        message = await receive()
        if message['type'] == 'http.request':
            received += len(message.get('body', b''))
            if received > MAX_BODY_BYTES:
                return {'type': 'http.disconnect'}
        return message

    return receive_limited


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message['type'] == 'http.response.start':
            message['headers'] = [*message.get('headers', ()), *_HEADERS]
        await send(message)

    return send_with_headers


async def _refuse(refusal: RefusedError, scope: Scope, receive: Receive, send: Send) -> None:
    if scope['type'] == 'websocket':
        await receive()  # the client's wish to connect
        await send({'type': 'websocket.close', 'code': _REFUSED, 'reason': str(refusal)[:100]})
        return
    response = PlainTextResponse(f'{refusal}\n', status_code=refusal.status)
    await response(scope, receive, send)
