"""Solvers: ways from a start to the weights that make an objective small. One frozen dataclass each, one row in `choose`.

`base` is the contract: a solver declares what it reads, what it reaches and its settings, and `run` yields a `Step` for the
start and one after every update. It works on the columns as trained, and knows nothing of units, traces or pictures. Files
without a solver's name (`path`, `active_sets`, `shortlist`, `row_loop`, `few_rows`, `rate_limits`) are the methods. Only
outsiders import from here.
"""

from bestline.training.solvers.base import Solver, Step, Stop
from bestline.training.solvers.choose import SOLVERS, choose
from bestline.training.solvers.descent import OPTIMIZERS, Descent
from bestline.training.solvers.exact import Exact
from bestline.training.solvers.interior import InteriorPoint
from bestline.training.solvers.proximal import Proximal
from bestline.training.solvers.stochastic import Stochastic
