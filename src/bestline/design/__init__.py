"""Design: learn which columns a formula, or a target and features, become; then encode any batch alike."""

from bestline.design.base import Column as Column
from bestline.design.base import Design as Design
from bestline.design.base import Encoded as Encoded
from bestline.design.base import Factor as Factor
from bestline.design.expressions import expression as expression
from bestline.design.formula import asked_categories as asked_categories
from bestline.design.formula import degree_of as degree_of
from bestline.design.learn import learn as learn
from bestline.design.learn import missing_values as missing_values
