"""Selection: which of a line's terms to keep. `subsets` tries all of them, from the moments alone.

What such a search finds flatters itself: errors, p-values and intervals of the line that was found do not know that others were tried.
"""

from bestline.inference.selection.subsets import Subset, Subsets, subsets

__all__ = ["Subset", "Subsets", "subsets"]
