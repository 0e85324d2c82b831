"""Training: from a question to weights.

`request` is what was asked, checked before anything is read; `prepare` makes a `Plan` of it: which loss, penalty, solver,
scaling and start. `losses`, `penalty` and `solvers` are open families: one class and one row each. `objective` is loss and
penalty together, on moments or on rows. Solvers yield steps, and `loop` is the one loop that records them and knows when to
stop.

Contract: out comes a `Fit`, weights with a trace and the reason to stop (`outcome`). Outsiders import what everybody needs
from here.
"""

from bestline.training.cross_validation import Selection
from bestline.training.loop import Watch
from bestline.training.objective import RowLoss
from bestline.training.outcome import Fit, Trace
from bestline.training.plan import Plan
from bestline.training.planes import Plane
from bestline.training.prepare import Prepared
from bestline.training.recipe import Recipe
from bestline.training.request import Request
from bestline.training.solvers.base import Reach, Solver, Step, Stop, TorchLoop
from bestline.training.task import Part, Parts
