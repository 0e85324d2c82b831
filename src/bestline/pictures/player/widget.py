"""Widget: the player in a notebook, by anywidget where it is installed; the session goes there as it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bestline.pictures.player import script, style

__all__ = ["widget"]


def widget(session: dict[str, Any], page: Callable[[], Any]) -> Any:
    """The player as a notebook widget; None where anywidget is not installed, or there is no notebook.

    `page` makes the page of the same run: a cell that saves it runs in a notebook as it does in a script.
    """
    try:  # an extra: without it a notebook is shown the page
        import anywidget
        import traitlets
        from IPython import get_ipython
    except ImportError:
        return None
    shell = get_ipython()
    if shell is None or getattr(shell, "kernel", None) is None:
        return None

    class Player(anywidget.AnyWidget):  # type: ignore[misc]
        """The linked panels of a training run."""

        _esm = script()
        _css = style()
        session = traitlets.Dict().tag(sync=True)

        @property
        def html(self) -> str:
            """The whole page, as that of a `Page`."""
            return page().html

        def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
            """Write the page, as `Page.save` does."""
            return page().save(path, overwrite=overwrite)

    return Player(session=session)
