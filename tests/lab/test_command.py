"""The command: it tells an address that answers, loads torch only afterwards, and ends in one line."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

SRC = Path(__file__).parents[2] / "src"


def command(*words: str) -> subprocess.Popen[str]:
    told = {**os.environ, "PYTHONPATH": str(SRC)}
    words = (sys.executable, "-m", "bestline", "lab", "--no-browser", *words)
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=told)


@pytest.mark.parametrize("how", [signal.SIGINT])
def test_it_answers_at_the_address_that_it_tells_and_ends_in_one_line(how):
    running = command()
    line = running.stdout.readline()
    url, token = re.fullmatch(r"The lab is at (http://127\.0\.0\.1:\d+)/#token=(\S{20,})\n", line).groups()
    page = httpx.get(url, timeout=300)
    assert "bestline lab" in page.text
    assert token not in page.text
    told = httpx.get(f"{url}/api/presets", headers={"x-bestline-token": token}, timeout=300)
    assert told.json()["data"]
    running.send_signal(how)
    out, err = running.communicate(timeout=300)
    assert (out, err, running.returncode) == ("The lab is closed.\n", "", 0)


def test_neither_torch_nor_pyarrow_is_loaded_before_the_socket_answers():
    code = "import sys, bestline.cli, bestline.lab.serve; print(sorted({'torch', 'pyarrow', 'numpy', 'matplotlib'} & set(sys.modules)))"
    told = {**os.environ, "PYTHONPATH": str(SRC)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=told, timeout=300, check=True)
    assert done.stdout.strip() == "[]"


def test_data_that_cannot_be_read_end_it_with_one_sentence(tmp_path):
    path = tmp_path / "none.csv"
    running = command(str(path))
    out, err = running.communicate(timeout=300)
    assert running.returncode == 1
    assert err.startswith("bestline: ")
    assert "none.csv" in err
    assert err.count("\n") == 1
    assert "closed" not in out


def test_a_port_that_is_taken_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        running = command("--port", str(port))
        _, err = running.communicate(timeout=300)
    assert running.returncode == 1
    assert f"Port {port} cannot be used" in err


def test_what_opens_it_to_others_says_so_first():
    running = command("--open-to-network")
    assert running.stdout.readline().startswith("The lab is at http://")
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=300)
    assert err.startswith("warning: the lab is open to the network")
