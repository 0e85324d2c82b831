"""Script: a run as plain code that anyone can paste, and that gives the same weights without bestline.

`write` is the door, `dialects` the styles by name. `run` is what happened, `reading` and `table` write how the rows are read,
`units` how they are scaled, `solved`, `byhand` and `autograd` the training itself, and `literals` numbers that read back the
same.
"""

from bestline.export.script.dialects import STYLES as STYLES
from bestline.export.script.write import script as script
