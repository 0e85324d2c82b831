"""Remote files: what cannot be had is said in one sentence and in time, and what can is read in ranges."""

from __future__ import annotations

import socket
import threading
from contextlib import closing
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bestline as bl
from bestline.data.tables import open_source
from bestline.data.tables.remote import systems, web
from bestline.errors import BestlineError, FileError
from data.tables.examples import all_numbers

X = np.arange(30_000) / 8


class Files(BaseHTTPRequestHandler):
    """A web server of a few files, each of which it gives in a way of its own."""

    def __init__(self, contents, asked, over, *rest):
        self.contents, self.asked, self.over = contents, asked, over
        super().__init__(*rest)

    def log_message(self, *_):
        pass

    def do_GET(self):
        way, _, name = self.path[1:].partition("/")
        content = self.contents.get(name, b"")
        wanted = self.headers.get("Range")
        self.asked.append((way, wanted))
        if way.isdigit():
            self.send_error(int(way))
            return
        if way == "hang":
            self.over.wait()
            return
        first, last = 0, len(content) - 1
        if wanted and way != "whole":
            one, _, other = wanted.removeprefix("bytes=").partition("-")
            first, last = int(one), min(int(other), last)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        else:
            self.send_response(200)
        part = content[first : last + 1]
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        # The first byte, by which the size is asked, always comes.
        if way == "early" and len(part) > 1:
            part = part[: len(part) // 2]
        if way == "slow" and len(part) > 1:
            self.wfile.write(part[:10])
            self.wfile.flush()
            self.over.wait()
        self.wfile.write(part)


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = tmp_path_factory.mktemp("served") / "t.parquet"
    pq.write_table(pa.table({"x": X, "y": 2 * X}), path, row_group_size=5_000)
    text = "x,y\n" + "".join(f"{x},{2 * x}\n" for x in X)
    return {"t.csv": text.encode(), "t.parquet": path.read_bytes(), "empty.csv": b""}


@pytest.fixture
def asked():
    return []


@pytest.fixture
def server(content, asked, monkeypatch):
    for module in (web, systems):
        monkeypatch.setattr(module, "PATIENCE", 1.0)
    over = threading.Event()  # until when a server that hangs says nothing
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, content, asked, over)) as found:
        found.daemon_threads = True
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_address[1]}"
        over.set()
        found.shutdown()


@pytest.mark.parametrize("way", ["ranges", "whole"])
@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_file_of_a_web_server_is_read(server, way, name):
    source = open_source(f"{server}/{way}/{name}")
    np.testing.assert_array_equal(all_numbers(source, ["y", "x"]), np.column_stack([2 * X, X]))
    assert float(bl.fit(f"{server}/{way}/{name}", "y ~ x").coef["x"]) == pytest.approx(2)


def test_parts_are_asked_for_where_the_server_gives_them(server, asked, content, monkeypatch):
    monkeypatch.setattr(web, "_PART", 1_000)
    all_numbers(open_source(f"{server}/ranges/t.parquet"), ["x"])
    assert all(wanted for _, wanted in asked)
    bounds = [tuple(map(int, wanted.removeprefix("bytes=").split("-"))) for _, wanted in asked]
    assert max(last + 1 - first for first, last in bounds) < len(content["t.parquet"]) / 2


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("404/t.csv", "does not exist"),
        ("410/t.csv", "does not exist"),
        ("403/t.csv", "the server answered 403 Forbidden"),
        ("500/t.csv", "the server answered 500 Internal Server Error"),
        ("hang/t.csv", "did not answer within 1 seconds"),
        ("slow/t.csv", "did not answer within 1 seconds"),
        ("slow/t.parquet", "did not answer within 1 seconds"),
        ("early/t.csv", "the connection was closed before all of the file had come"),
        ("early/t.parquet", "the connection was closed before all of the file had come"),
        ("ranges/empty.csv", "empty"),
        ("ranges/*.csv", "do not list their files"),
    ],
)
def test_what_cannot_be_had_is_said_in_one_sentence_and_in_time(server, path, said):
    with pytest.raises(BestlineError, match=said) as caught:
        bl.fit(f"{server}/{path}", "y ~ x")
    assert "\n" not in str(caught.value)
    assert "install" not in str(caught.value)


def nobody() -> int:
    """A port with nothing behind it."""
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_a_port_with_nothing_refuses():
    with pytest.raises(FileError, match="connection refused"):
        open_source(f"http://127.0.0.1:{nobody()}/t.csv")


def test_what_is_no_web_server_is_said():
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        one.listen()

        def answer():
            there, _ = one.accept()
            there.recv(1_000)
            there.sendall(b"SSH-2.0-OpenSSH\r\n")
            there.close()

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(FileError, match=r"no answer of a web server|broke off"):
            open_source(f"http://127.0.0.1:{one.getsockname()[1]}/t.csv")


def test_a_store_that_refuses_says_so_itself_and_no_package_is_asked_for():
    keys = f"s3://key:secret@bucket/t.csv?region=us-east-1&scheme=http&endpoint_override=127.0.0.1%3A{nobody()}"
    with pytest.raises(FileError, match=r"(?i)network|connect") as caught:
        open_source(keys)
    assert "s3fs" not in str(caught.value)


def test_what_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(systems, "PATIENCE", 0.2)
    never = threading.Event()
    with pytest.raises(web.RemoteError, match=r"nobody answered within 0\.2 seconds"):
        systems.answered(never.wait)
    never.set()


def test_what_a_library_says_is_passed_on():
    def failing():
        raise KeyError("no credentials")

    with pytest.raises(web.RemoteError, match="no credentials"):
        systems.answered(failing)


def test_google_may_not_try_again_for_minutes():
    assert systems._limited("gs://b/t.csv") == "gs://b/t.csv?retry_limit_seconds=15"
    assert systems._limited("gs://b/t.csv?scheme=http") == "gs://b/t.csv?scheme=http&retry_limit_seconds=15"
    assert systems._limited("s3://b/t.csv") == "s3://b/t.csv"


def test_an_unknown_scheme_is_said():
    with pytest.raises(FileError, match="foo"):
        open_source("foo://x/y.csv")
