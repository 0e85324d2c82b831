"""Widget: the player in a notebook, by anywidget where it is installed; the session goes there as it is."""

from __future__ import annotations

from typing import Any

from bestline.pictures.player import script, style

__all__ = ["widget"]


def widget(session: dict[str, Any]) -> Any:
    """The player as a notebook widget; None where anywidget is not installed, or there is no notebook."""
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

    return Player(session=session)
