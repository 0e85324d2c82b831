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
import numpy as np
import uvicorn

from bestline.lab.guard import loopback
from bestline.lab.server import application
from pictures.player.pages import LOOK

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


def until(so: Any, seconds: float = 60.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.01)


class Opened:
    """The lab in a browser, and everything it did that it should not."""

    def __init__(self, browser: Any, lab: Served, more: str, **context: Any) -> None:
        how = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce", "accept_downloads": True, **context}
        self.context = browser.new_context(**how)
        self.context.set_default_timeout(60_000)
        self.page = self.context.new_page()
        self.wrong: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.wrong.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(f"{lab.url}/#token={TOKEN}{more}")

    def ready(self) -> None:
        """A run is drawn, and nothing is under way."""
        self.page.locator(".bestline-player[data-k]").wait_for()
        self.page.locator(".busy").wait_for(state="hidden")
        until(lambda: self.answered() > 0)

    def answered(self) -> int:
        """How many questions the page has had an answer to."""
        return int(self.page.evaluate("() => document.body.dataset.answered ?? 0"))

    def asked_again(self, act: Any) -> None:
        """Do something that trains again, and wait for the run."""
        before = self.answered()
        act()
        until(lambda: self.answered() > before)
        self.ready()

    def choose(self, name: str, value: str) -> None:
        self.asked_again(lambda: self.page.locator(f"[name={name}]").select_option(value))

    def train_there(self, loss: str) -> None:
        """Begin a run that the server trains, longer than anybody waits for."""
        self.page.locator("[name=loss]").select_option(loss)
        self.page.locator("[name=steps]").fill("100000")
        self.page.locator("[name=steps]").press("Tab")

    def title(self) -> str:
        return self.page.locator(".bestline-player h2").inner_text()

    def status(self) -> str:
        return self.page.locator(".status").inner_text()

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()


def houses(n: int = 300, *, far: int = 0) -> bytes:
    rng = np.random.default_rng(1)
    area, age, colour = rng.normal(50, 10, n), rng.normal(size=n), rng.choice(["red", "green", "blue"], n)
    price = 3 * area - 2 * age + 8 * (colour == "red") + 4 * rng.normal(size=n)
    price[:far] *= 50
    rows = [f"{i},{area[i]:.3f},{age[i]:.3f},{colour[i]},{price[i]:.3f}" for i in range(n)]
    rows[5] = rows[5].replace(f"{area[5]:.3f}", "")
    return "\n".join(["id,area,age,colour,price", *rows]).encode()


def give(opened: Opened, content: bytes, name: str = "houses.csv") -> None:
    opened.page.set_input_files("input[type=file]", {"name": name, "mimeType": "text/csv", "buffer": content})


def drawn(opened: Opened) -> None:
    """Every panel has a picture in it."""
    opened.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    look = opened.page.evaluate(LOOK)
    assert look
    assert all(panel["colours"] > 3 for panel in look.values()), look
