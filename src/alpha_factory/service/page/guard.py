"""Who may ask, and what for: every request and WebSocket passes here before anything is read.

Checked in this order: the Host header (a page of another name that was made to resolve to this machine), the token, the
origin of writes and WebSockets (another site's page in the same browser), and the size of the body; before all of
them, the size of the head.
"""

import asyncio
import http.cookies
import ipaddress
import json
import platform
import urllib.parse
from collections.abc import Collection
from typing import NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alpha_factory.service.page.login import Way, follow_link, print_login
from alpha_factory.service.page.problem import Problem
from alpha_factory.service.page.token import COOKIE, is_token, make_cookie

LARGEST_HEAD = 16 << 10
LARGEST_BODY = 64 << 10
BODY_S = 15.0
_OPEN = ("/healthz", "/readyz")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
ANY = ("0.0.0.0", "::", "")
_READS = ("GET", "HEAD", "OPTIONS")


class Policy(NamedTuple):
    """Who may ask."""

    hosts: frozenset[str]
    """Names by which the server may be called."""
    is_any_address: bool
    """Any address in numbers, too: no name can be made to resolve to what is none."""
    token: str | None
    """What everybody has to know; None on this machine alone."""

    def allows_host(self, header: str) -> bool:
        """Whether a Host header names this server."""
        name = _host_name(header)
        if name is None:
            return False
        return name in self.hosts or (self.is_any_address and _is_address(name))

    def allows(self, authorization: str, cookie: str) -> bool:
        """Whether somebody knows the token."""
        if self.token is None:
            return True
        kind, _, given = authorization.partition(" ")
        if kind.lower() == "bearer" and is_token(given.strip(), self.token):
            return True
        return is_token(_read_cookie(cookie), make_cookie(self.token))


def make_policy(host: str, token: str | None, names: Collection[str] = ()) -> Policy:
    """The policy of a server bound to `host`, which may be called by `names` as well."""
    known = {*LOOPBACK, *(name.lower() for name in names)}
    is_any = host in ANY
    if is_any:
        own = platform.node().lower()
        known |= {own, f"{own}.local"} if own else set()
    else:
        known.add(host.lower())
    return Policy(frozenset(known), is_any, token)


class Guard:
    """The application behind its policy; adds the headers that keep a browser from doing harm."""

    def __init__(self, app: ASGIApp, policy: Policy) -> None:
        self._app, self._policy = app, policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = _headers(scope)
        is_socket = scope["type"] == "websocket"
        sending = send if is_socket else _shield(send, headers.get("host", ""), scope["path"])
        if not is_socket and scope["method"] == "HEAD":
            scope, sending = {**scope, "method": "GET"}, _leave_body_out(sending)
        try:
            _check_head(scope)
            self._check_host(headers)
            token = self._policy.token
            if token is not None and not is_socket and (way := follow_link(scope, token)):
                await _redirect(sending, way)
                return
            self._check_token(scope, headers)
            if is_socket or scope["method"] not in _READS:
                _check_origin(headers, needs_sign=self._policy.token is not None)
            if not is_socket and scope["method"] not in _READS:
                receive = await _read_body(receive, headers)
        except Problem as problem:
            if is_socket:
                await send({"type": "websocket.close", "code": 1008, "reason": problem.code})
            else:
                await _refuse(sending, problem, headers, scope)
            return
        await self._app(scope, receive, sending)

    def _check_host(self, headers: dict[str, str]) -> None:
        if not self._policy.allows_host(headers.get("host", "")):
            raise Problem(
                "forbidden",
                "This server isn't called by that name. "
                "Name it with `alpha-factory serve --name NAME` if it should be.",
            )

    def _check_token(self, scope: Scope, headers: dict[str, str]) -> None:
        if scope["path"] in _OPEN and scope["type"] == "http":
            return
        if not self._policy.allows(headers.get("authorization", ""), headers.get("cookie", "")):
            raise Problem(
                "unauthorized",
                "A token is needed. Open the link that `alpha-factory serve` printed, "
                "or send the header `Authorization: Bearer TOKEN`.",
            )


def _check_head(scope: Scope) -> None:
    """h11 limits heads that aren't whole yet, and not those that come at once."""
    target = scope.get("raw_path") or scope["path"].encode()
    line = len(scope.get("method", "GET")) + len(target) + len(scope["query_string"])
    fields = sum(len(name) + len(value) + len(": \r\n") for name, value in scope["headers"])
    if line + len(" ? HTTP/1.1\r\n\r\n") + fields > LARGEST_HEAD:
        raise Problem("too_large", f"A request's head has at most {LARGEST_HEAD >> 10} KiB.")


def _check_origin(headers: dict[str, str], *, needs_sign: bool) -> None:
    """Browsers say from which page a write or a WebSocket comes; other programs say nothing.

    Args:
        needs_sign: who has nothing but a cookie, as browsers have, must say it.
    """
    origin = headers.get("origin")
    if needs_sign and not {"origin", "sec-fetch-site", "authorization"} & headers.keys():
        raise Problem("forbidden", "Say where this comes from, or send the token itself.")
    site = headers.get("sec-fetch-site", "none")
    is_own = origin is None or _netloc(origin) == headers.get("host", "").lower()
    if not is_own or site not in ("same-origin", "none"):
        raise Problem("forbidden", "Another site's page may not do this.")


def _netloc(origin: str) -> str | None:
    try:
        parts = urllib.parse.urlsplit(origin)
    except ValueError:
        return None
    return parts.netloc.lower() if parts.scheme in ("http", "https") else None


async def _read_body(receive: Receive, headers: dict[str, str]) -> Receive:
    """A `receive` that gives the whole body, read here up to the limit."""
    told = headers.get("content-length", "0")
    too_large = Problem("too_large", f"A request has at most {LARGEST_BODY >> 10} KiB.")
    if not told.isdigit() or int(told) > LARGEST_BODY:
        raise too_large
    body, is_more = bytearray(), True
    try:
        # For all of it: a byte now and then is no body that comes.
        async with asyncio.timeout(BODY_S):
            while is_more:
                message = await receive()
                if message["type"] != "http.request":
                    raise Problem("bad_request", "The client left.")
                body += message.get("body", b"")
                is_more = message.get("more_body", False)
                if len(body) > LARGEST_BODY:
                    raise too_large
    except TimeoutError:
        raise Problem(
            "bad_request", f"The request's body didn't come within {BODY_S:g} s."
        ) from None
    whole: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

    async def replay() -> Message:
        return whole.pop() if whole else await receive()

    return replay


def _shield(send: Send, host: str, path: str) -> Send:
    """A `send` that adds the headers of every answer."""
    sockets = f"ws://{host} wss://{host}" if _host_name(host) else ""
    # A run's report is a page of its own with styles and a script inside; it gets no rights but those.
    is_report = path.startswith("/api/") and path.endswith("/report")
    policy = (
        "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; "
        "script-src 'unsafe-inline'; img-src data:"
        if is_report
        else "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        f"connect-src 'self' {sockets}; font-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'; frame-src 'self'; manifest-src 'self'"
    )
    added = [
        (b"content-security-policy", policy.encode("latin-1")),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    ]

    async def shielded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            if not any(name == b"cache-control" for name, _ in headers):
                headers.append((b"cache-control", b"no-store"))
            message = {**message, "headers": [*headers, *added]}
        await send(message)

    return shielded


def _leave_body_out(send: Send) -> Send:
    """A `send` for HEAD: what GET would be answered, without its body."""

    async def heading(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return heading


async def _refuse(send: Send, problem: Problem, headers: dict[str, str], scope: Scope) -> None:
    is_page = problem.code == "unauthorized" and "text/html" in headers.get("accept", "")
    body = print_login(scope) if is_page else json.dumps(problem.body()).encode()
    kind = b"text/html; charset=utf-8" if is_page else b"application/json"
    told = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    if problem.code == "unauthorized":
        told.append((b"www-authenticate", b"Bearer"))
    # What is left of a refused body is not read.
    told.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": problem.status, "headers": told})
    await send({"type": "http.response.body", "body": body})


async def _redirect(send: Send, way: Way) -> None:
    told = [
        (b"location", way.place.encode("latin-1")),
        (b"set-cookie", way.cookie.encode("latin-1")),
        (b"content-length", b"0"),
    ]
    await send({"type": "http.response.start", "status": 303, "headers": told})
    await send({"type": "http.response.body", "body": b""})


def _headers(scope: Scope) -> dict[str, str]:
    """Headers by name; one given twice is that of the last and of no use to get around a check."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        told = value.decode("latin-1")
        is_twice = key in ("host", "origin") and headers.get(key, told) != told
        headers[key] = "(two values)" if is_twice else told
    return headers


def _read_cookie(header: str) -> str:
    try:
        cookie = http.cookies.SimpleCookie(header).get(COOKIE)
    except http.cookies.CookieError:
        return ""
    return "" if cookie is None else cookie.value


def _host_name(header: str) -> str | None:
    """The name or address in a Host header, without its port; None for what is no host."""
    if not header or any(symbol in header for symbol in "/\\@ ,;'\"?#%"):
        return None
    try:
        parts = urllib.parse.urlsplit(f"//{header}")
        _ = parts.port
    except ValueError:
        return None
    return parts.hostname


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
