"""Pictures: what to draw, who draws it, and what moves.

A picture is marks first (`marks`: plain numbers with a role, no library): `figures`, `overview`, `loss_curves` and others
say which. `render` turns marks into matplotlib figures, films and pages; `player` is what moves, in a browser.
Doors: `gallery` (`model.plot`), `watch` (`model.watch()`), `live` (`fit(watch=True)`).
"""
