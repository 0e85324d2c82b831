"""A lab that really listens, on a port of its own, and what is asked of it."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn

from bestline.lab.guard import loopback
from bestline.lab.server import application

TOKEN = "a-token-for-tests"  # noqa: S105
PENGUINS = {"data": "sample:penguins", "target": "body_mass_g", "features": ["flipper_length_mm"]}
HUBER = PENGUINS | {"loss": "huber", "optimizer": "adam", "lr": 0.1}


class Served:
    """One server, and a client that may come in."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = httpx.Client(base_url=url, headers={"x-bestline-token": TOKEN, "origin": url}, timeout=300)

    def post(self, path: str, **asked: Any) -> httpx.Response:
        return self.client.post(f"/api/{path}", json=asked)

    def run(self, **asked: Any) -> list[dict[str, Any]]:
        """Everything that is told of a run."""
        return list(self.told(**asked))

    def told(self, **asked: Any) -> Iterator[dict[str, Any]]:
        with self.client.stream("POST", "/api/run", json=asked) as answer:
            if answer.status_code != 200:
                answer.read()
                yield {"event": "refused", "status": answer.status_code, **answer.json()}
                return
            for line in answer.iter_lines():
                yield json.loads(line, parse_constant=no_number)

    def send(self, content: bytes, name: str) -> httpx.Response:
        return self.client.post("/api/data", content=content, headers={"x-filename": name})


def no_number(word: str) -> None:
    raise AssertionError(f"{word} in JSON")


@contextmanager
def serving(data: Any = None, formula: str | None = None) -> Iterator[Served]:
    """A server in a thread."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        port = bound.getsockname()[1]
        app = application(TOKEN, loopback(port), data, formula)
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        until(lambda: server.started)
        served = Served(f"http://127.0.0.1:{port}")
        try:
            yield served
        finally:
            served.client.close()
            server.should_exit = True
            thread.join(20)


def until(so: Any, seconds: float = 120.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.01)
