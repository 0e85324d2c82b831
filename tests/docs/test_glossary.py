"""The glossary: the field's words are found there, and every entry leads on to where bestline has the thing."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "glossary.md").read_text(encoding="utf-8")
# What people search for; without these words nobody finds the feature.
SEARCHED = """R-squared (R2), adjusted R2, ordinary least squares, linear regression, confidence interval, prediction interval,
multicollinearity, VIF, heteroscedasticity, robust (sandwich) standard errors, autocorrelation, Q-Q plot, normality, F test,
hypothesis, regularization path, l1_ratio, hyperparameter, response, dependent variable, reference level, learning-rate schedule,
weight decay, sufficient statistics, Gram matrix, Hessian, eigenvalue, convex, out-of-core, incremental, overfitting, M-estimator,
least absolute deviations, polynomial regression""".replace("\n", " ").split(", ")


@pytest.mark.parametrize("word", SEARCHED)
def test_a_word_that_people_search_for_is_there(word: str) -> None:
    assert word.lower() in TEXT.lower()


def anchors(page: Path) -> set[str]:
    """What a heading is called in links: lower case, blanks as hyphens, no other signs."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", sorted([DOCS.parent / "README.md", *DOCS.glob("*.md")]), ids=lambda page: page.name)
def test_every_link_to_a_section_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\(([\w./-]*)#([\w-]+)\)", page.read_text(encoding="utf-8"))
    for path, anchor in links:
        target = page if not path else (page.parent / path).resolve()
        assert anchor in anchors(target), f"{page.name} links to {path}#{anchor}"


def test_entries_are_short_and_each_is_explained() -> None:
    entries = re.findall(r"^- \*\*(.+?)\*\*: ((?:.+\n)(?:  .+\n)*)", TEXT, re.MULTILINE)
    assert len(entries) > 40
    assert len(entries) == len(re.findall(r"^- ", TEXT, re.MULTILINE))
    assert all(len(said.split()) < 75 for _, said in entries)
    assert [name for name, said in entries if "](" not in said] == []  # each leads on
