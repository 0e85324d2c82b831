"""Solvers: ways from a start to the weights that make an objective small. Only outsiders import from here."""

from bestline.training.solvers.base import Solver as Solver
from bestline.training.solvers.base import Step as Step
from bestline.training.solvers.base import Stop as Stop
from bestline.training.solvers.choose import SOLVERS as SOLVERS
from bestline.training.solvers.choose import choose as choose
from bestline.training.solvers.descent import OPTIMIZERS as OPTIMIZERS
from bestline.training.solvers.descent import Descent as Descent
from bestline.training.solvers.exact import Exact as Exact
from bestline.training.solvers.interior import InteriorPoint as InteriorPoint
from bestline.training.solvers.proximal import Proximal as Proximal
from bestline.training.solvers.stochastic import Stochastic as Stochastic
