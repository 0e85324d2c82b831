"""Refused: an answer that is no, with the status that browsers know and one sentence for people."""

from __future__ import annotations


class Refused(Exception):  # noqa: N818  an answer, not a fault
    """A request that is not served.

    Attributes
    ----------
    status : int
        As HTTP has it.
    """

    def __init__(self, status: int, sentence: str) -> None:
        self.status = status
        super().__init__(sentence)


class Cancelled(Exception):  # noqa: N818  nobody waits for the answer any more
    """Work that was called off while it was done."""
