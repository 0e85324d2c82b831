"""Design: learn which columns a formula, or a target and features, become; then encode any batch alike.

A `Design` is learnt once (`learn`), from training rows alone, and is a value afterwards: it can be pickled and written as
JSON. Contract: row by row. A batch encoded by itself gives the rows that the whole table would. A formula is parsed
(`formula`, `expressions`) and never handed to Python to execute; what its functions learn is in `profiles`.
"""

from bestline.data.design.absorbed import Absorbed as Absorbed
from bestline.data.design.absorbed import Key as Key
from bestline.data.design.absorbed import level_codes as level_codes
from bestline.data.design.bar import absorbs as absorbs
from bestline.data.design.categories import asked_categories as asked_categories
from bestline.data.design.changes import Change as Change
from bestline.data.design.changes import change_of as change_of
from bestline.data.design.columns import by_term as by_term
from bestline.data.design.columns import made_of as made_of
from bestline.data.design.design import Design as Design
from bestline.data.design.encoded import Encoded as Encoded
from bestline.data.design.encoded import NewRows as NewRows
from bestline.data.design.expressions import expression as expression
from bestline.data.design.factors import MISSING_LEVEL as MISSING_LEVEL
from bestline.data.design.factors import Column as Column
from bestline.data.design.factors import Factor as Factor
from bestline.data.design.factors import Unseen as Unseen
from bestline.data.design.factors import offset_terms as offset_terms
from bestline.data.design.factors import said_unseen as said_unseen
from bestline.data.design.factors import sources_of as sources_of
from bestline.data.design.formula import degree_of as degree_of
from bestline.data.design.formula import narrowed as narrowed
from bestline.data.design.grid import factors_of as factors_of
from bestline.data.design.learn import check_weights as check_weights
from bestline.data.design.learn import checked_levels as checked_levels
from bestline.data.design.learn import learn as learn
from bestline.data.design.learn import missing_values as missing_values
