"""The page of an interpolation: its errors, and the solution that they belong to."""

from collections.abc import Mapping

import pandas as pd

from gengap.report import Fact, Facts, Page, Section, Table
from gengap.tasks.interpolate.words import label

ERRORS = ("train_error", "test_error")


def interpolation_page(title: str, sentence: str, facts: Mapping[str, str]) -> Page:
    """The page.

    Args:
        title: What was done.
        sentence: What the interpolator is fed, both errors, and whether every label is fitted.
        facts: Every value in words, by name.
    """
    errors = [Fact(label(name).capitalize(), facts[name]) for name in ERRORS]
    solution = Table(solution_table(facts), "The solution, and what it took")
    return Page(title, sentence, [Section("Errors", [Facts(errors)]), Section("The fit", [solution])])


def solution_table(facts: Mapping[str, str]) -> pd.DataFrame:
    """All values but the errors, in words."""
    others = [(label(name), text) for name, text in facts.items() if name not in ERRORS]
    return pd.DataFrame(others, columns=["what", "value"])
