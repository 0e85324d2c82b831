"""Bars: what ended is complete, and what was cut short stays where it stood."""

from __future__ import annotations

import pytest

from bestline.cli.terminal import Terminal


def test_the_bar_of_work_that_was_cut_short_is_not_complete(capsys):
    def cut_short() -> None:
        with Terminal(progress=True).listening() as bars:
            hear = bars.passes()
            assert hear is not None
            hear("reading the rows", 0.4)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut_short()
    said = capsys.readouterr().err
    assert "40%" in said
    assert "100%" not in said


def test_the_bar_of_work_that_ended_is_complete(capsys):
    with Terminal(progress=True).listening() as bars:
        hear = bars.passes()
        assert hear is not None
        hear("reading the rows", 0.4)
    assert "100%" in capsys.readouterr().err
