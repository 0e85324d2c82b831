"""Load: a model from its file."""

from __future__ import annotations

import os

from bestline.api.model import Model
from bestline.calls import checked
from bestline.export import model_file


@checked
def load(path: str | os.PathLike[str]) -> Model:
    """Read a .bestline file that `Model.save` wrote.

    Raises ModelFileError when it is not one, is damaged, or was written by a newer bestline. Nothing in a file is executed.
    """
    return Model.of(model_file.load(path))
