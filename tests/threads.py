"""How many threads torch gives to those that begin: what a call of ours must leave as it was."""

from __future__ import annotations

import threading

import torch


def inherited() -> int:
    """How many threads torch gives a thread that has just begun."""
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found[0]
