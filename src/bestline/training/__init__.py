"""Training: from a question to weights. Outsiders import what everybody needs from here."""

from bestline.training.cross_validation import Selection
from bestline.training.loop import Watch
from bestline.training.outcome import Fit, Trace
from bestline.training.parts import Part, Parts
from bestline.training.plan import Plan
from bestline.training.planes import Plane
from bestline.training.prepare import Prepared
from bestline.training.recipe import Recipe
from bestline.training.request import Request
from bestline.training.row_losses import RowLoss
from bestline.training.solvers.base import Reach, Solver, Step, Stop, TorchLoop
