"""Who may come in: the lab's own page with its token, and nobody else; and every answer keeps the page in its place."""

from __future__ import annotations

import json
import socket
from contextlib import closing
from typing import Any

import pytest

from bestline.lab.guard import FILE_BYTES, JSON_BYTES, POLICY, by_number, loopback
from lab.served import TOKEN, Served

BODY = json.dumps({"data": "sample:penguins"}).encode()


def raw(lab: Served, head: str, body: bytes = b"") -> str:
    """What the server answers to a request as it is written here."""
    host, port = lab.url.removeprefix("http://").split(":")
    with closing(socket.create_connection((host, int(port)), timeout=300)) as wire:
        wire.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        answer = b""
        while b"\r\n\r\n" not in answer and (piece := wire.recv(65_536)):
            answer += piece
    return answer.decode("latin-1")


def status(answer: str) -> int:
    return int(answer.split(" ", 2)[1])


def asking(lab: Served, **changed: str | None) -> int:
    """The status of a good request, with some of its headers changed or left out."""
    headers: dict[str, str | None] = {
        "Host": lab.url.removeprefix("http://"),
        "Origin": lab.url,
        "X-Bestline-Token": TOKEN,
        "Content-Length": str(len(BODY)),
        "Connection": "close",
    }
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return status(raw(lab, "\n".join(["POST /api/columns HTTP/1.1", *lines]), BODY))


def test_the_lab_s_own_page_is_served(lab):
    assert asking(lab) == 200


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "evil.example:80"}, 421),
        ({"Host": "127.0.0.1"}, 421),  # another port is another server
        ({"Host": "127.0.0.1:1"}, 421),
        ({"Host": ""}, 421),
        ({"Origin": None}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"X_Bestline_Token": None}, 403),
        ({"X_Bestline_Token": "guess"}, 403),
        ({"X_Bestline_Token": TOKEN + "x"}, 403),
        ({"Content_Length": None}, 411),
        ({"Content_Length": None, "Transfer_Encoding": "chunked"}, 411),
        ({"Transfer_Encoding": "chunked"}, 411),  # two lengths, of which a server behind might believe the other
        ({"Content_Length": str(JSON_BYTES + 1)}, 413),
    ],
)
def test_a_request_that_lacks_something_is_refused(lab, changed, wanted):
    assert asking(lab, **changed) == wanted


def test_a_file_may_be_larger_than_a_question_and_not_endless(lab):
    host = lab.url.removeprefix("http://")
    head = f"POST /api/data HTTP/1.1\nHost: {host}\nOrigin: {lab.url}\nX-Bestline-Token: {TOKEN}\nContent-Length: "
    assert status(raw(lab, head + str(FILE_BYTES + 1))) == 413
    assert status(raw(lab, head + "9" * 400)) in (400, 413)


def test_localhost_is_this_machine_too(lab):
    port = lab.url.rpartition(":")[2]
    assert asking(lab, Host=f"localhost:{port}", Origin=f"http://localhost:{port}") == 200
    # A page of the one name is not the page of the other.
    assert asking(lab, Host=f"localhost:{port}") == 403


def test_reading_needs_the_token_and_pages_do_not(lab):
    strange = {"x-bestline-token": "no"}
    assert lab.client.get("/", headers=strange).status_code == 200
    assert lab.client.get("/api/presets", headers=strange).status_code == 403
    assert lab.client.get("/api/presets", headers={"origin": "http://evil.example"}).status_code == 403


@pytest.mark.parametrize("path", ["/", "/lab.js", "/nothing", "/api/presets", "/api/nothing", "/openapi.json"])
def test_every_answer_keeps_the_page_in_its_place(lab, path):
    for headers in ({}, {"host": "evil.example"}):
        told = lab.client.get(path, headers=headers).headers
        assert told["content-security-policy"] == POLICY
        assert "unsafe" not in POLICY
        assert told["x-content-type-options"] == "nosniff"
        assert told["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in told
        assert "server" not in told or "uvicorn" in told["server"]


def test_a_question_before_the_question_is_refused(lab):
    """CORS: another page's browser asks first whether it may send the token's header."""
    ask = {
        "origin": "http://evil.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-bestline-token",
    }
    assert lab.client.options("/api/run", headers=ask).status_code == 403


@pytest.mark.parametrize(
    "path", ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/lab.py", "/static/lab.js", "/etc/passwd", "//etc/passwd"]
)
def test_a_path_is_never_a_path_on_disk(lab, path):
    host = lab.url.removeprefix("http://")
    assert status(raw(lab, f"GET {path} HTTP/1.1\nHost: {host}\nConnection: close")) == 404


def test_a_websocket_is_not_for_anybody(lab):
    host = lab.url.removeprefix("http://")
    head = f"GET / HTTP/1.1\nHost: {host}\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\nSec-WebSocket-Version: 13"
    assert status(raw(lab, head)) != 101


def test_the_server_listens_to_this_machine_alone(monkeypatch):
    from bestline.lab import serve

    with serve._bound(0, network=False) as bound:
        assert bound.getsockname()[0] == "127.0.0.1"
    with serve._bound(0, network=True) as bound:
        assert bound.getsockname()[0] == "0.0.0.0"  # noqa: S104


def test_names_of_this_machine_alone_and_of_an_open_one():
    own, wide = loopback(80), by_number(80, {"mine": None})
    known: dict[str, tuple[Any, Any]] = {
        "127.0.0.1:80": (True, True),
        "localhost:80": (True, True),
        "localhost": (True, True),  # of the usual port browsers say nothing
        "127.0.0.1": (True, True),
        "evil.example": (False, False),
        "[::1]:80": (True, True),
        "192.168.1.7:80": (False, True),
        "mine:80": (False, True),
        "evil.example:80": (False, False),
        "127.0.0.1.evil.example:80": (False, False),
        "192.168.1.7:81": (False, False),
        "": (False, False),
    }
    assert {name: (own(name), wide(name)) for name in known} == known
