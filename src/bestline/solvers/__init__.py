"""Solvers: ways from a start to the weights that make an objective small. Only outsiders import from here."""

from bestline.solvers.auto import choose as choose
from bestline.solvers.base import Solver as Solver
from bestline.solvers.base import Step as Step
from bestline.solvers.base import Stop as Stop
from bestline.solvers.descent import Descent as Descent
from bestline.solvers.exact import Exact as Exact
from bestline.solvers.interior import InteriorPoint as InteriorPoint
from bestline.solvers.proximal import Proximal as Proximal
from bestline.solvers.stochastic import Stochastic as Stochastic
