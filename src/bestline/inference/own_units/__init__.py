"""Own units: what a line of `log(y)` is worth in units of `y`, and what its predictions are there.

`smearing` makes means of predictions that were turned back, `errors` says how far off they are.
"""

from bestline.inference.own_units.errors import OwnUnits as OwnUnits
from bestline.inference.own_units.errors import own_units as own_units
from bestline.inference.own_units.errors import turned_back as turned_back
from bestline.inference.own_units.smearing import Spread as Spread
