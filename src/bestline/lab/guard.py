"""Guard: who may come in. It stands before the server and answers before a byte of the body is read.

A page of another site that a person has open can send requests to this machine, too. It cannot choose the `Host` and `Origin` that
a browser sends with them, and it does not know the token; so a request is served when all three are right. A name that another
site has pointed at this machine (DNS rebinding) is a foreign `Host`.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from ipaddress import ip_address

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN = "x-bestline-token"  # noqa: S105  the name of a header
FILE_BYTES = 500_000_000  # a table of a million rows and twenty columns
JSON_BYTES = 1_000_000

# Nothing from elsewhere, no code but our own files, nobody's frame.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}


class Guard:
    """An ASGI application around another one.

    Parameters
    ----------
    inside : application
    token : str
        What requests for data must bring in the header `X-Bestline-Token`.
    hosts : callable
        (host without port) -> whether this server is called so.
    """

    def __init__(self, inside: ASGIApp, token: str, hosts: Callable[[str], bool]) -> None:
        self.inside, self.token, self.hosts = inside, token, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or say why not."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.inside(scope, receive, send)
            elif scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            return
        answer = self._no(scope)
        if answer is not None:
            # The body was not read, so nothing else can come over this connection.
            refusal = JSONResponse({"error": answer[1]}, answer[0], {"connection": "close"})
            await refusal(scope, receive, _dressed(send))
            return
        most = _most(scope["path"])
        await self.inside(scope, _counted(receive, most), _dressed(send))

    def _no(self, scope: Scope) -> tuple[int, str] | None:
        """The status and sentence of a refusal, or None."""
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        host = headers.get("host", [""])
        if len(host) != 1 or not self.hosts(_bare(host[0])):
            return 421, "This address is not the lab's; open the one that `bestline lab` printed."
        posted = scope["method"] not in ("GET", "HEAD")
        origin = headers.get("origin", [])
        # A browser says where every POST comes from. What comes from nowhere, or from a sandbox ("null"), is not our page.
        if (posted or origin) and origin != [f"{scope['scheme']}://{host[0]}"]:
            return 403, "Only the lab's own page may ask this."
        if scope["path"].startswith("/api/") and not _same(headers.get(TOKEN, []), self.token):
            return 403, "The token is missing or wrong; open the address that `bestline lab` printed."
        return _too_much(headers, _most(scope["path"])) if posted else None


def loopback(port: int) -> Callable[[str], bool]:
    """Whether a host with its port is this machine, as seen from itself."""
    # Of port 80, the usual one, browsers say nothing.
    ends = (f":{port}", "") if port == 80 else (f":{port}",)
    names = {f"{name}{end}" for name in ("127.0.0.1", "localhost", "[::1]") for end in ends}
    return names.__contains__


def by_number(port: int, names: Mapping[str, None]) -> Callable[[str], bool]:
    """The same for a server that others may reach: by a number, which no other site can point at us, or by the machine's own name."""

    def known(host: str) -> bool:
        # Of port 80, the usual one, browsers say nothing.
        name, _, own = (f"{host}:80" if port == 80 and ":" not in host else host).rpartition(":")
        if own != str(port):
            return False
        try:
            ip_address(name.strip("[]"))
        except ValueError:
            return name.lower() in names or name.lower() == "localhost"
        return True

    return known


def _bare(host: str) -> str:
    return host.strip().lower()


def _same(given: list[str], token: str) -> bool:
    return len(given) == 1 and hmac.compare_digest(given[0].encode("latin-1", "replace"), token.encode())


def _most(path: str) -> int:
    return FILE_BYTES if path == "/api/data" else JSON_BYTES


def _too_much(headers: Mapping[str, list[str]], most: int) -> tuple[int, str] | None:
    length = headers.get("content-length", [])
    if "transfer-encoding" in headers or not length:
        return 411, "The request does not say how long it is."
    if len(length) != 1 or not length[0].isascii() or not length[0].isdigit():
        return 400, "The length of the request is no number."
    if int(length[0][:20]) > most:
        return (
            413,
            f"The request is larger than {most // 1_000_000:,} MB; give a larger file to the command: bestline lab FILE.",
        )
    return None


def _counted(receive: Receive, most: int) -> Receive:
    """Receive no more than was announced as bearable, whatever the length said."""
    seen = 0

    async def one() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        return message if seen <= most else {"type": "http.disconnect"}

    return one


def _dressed(send: Send) -> Send:
    """Every answer, refusals and errors among them, with the headers that keep a page in its place."""

    async def one(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = [(name, value) for name, value in message["headers"] if name.decode("latin-1").lower() not in _HEADERS]
            message = {**message, "headers": [*given, *((n.encode(), v.encode()) for n, v in _HEADERS.items())]}
        await send(message)

    return one
