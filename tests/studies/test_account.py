import re

import pytest

from gengap.report import formatted
from gengap.studies import all_studies
from gengap.studies.account import QUESTIONS, account, parsed

ACCOUNTS = {study.name: account(study) for study in all_studies()}


def test_every_study_has_an_account() -> None:
    assert [name for name, words in ACCOUNTS.items() if words is None] == []


@pytest.mark.parametrize("name", sorted(ACCOUNTS))
def test_the_formulas_of_each_account_can_be_shown(name: str) -> None:
    words = ACCOUNTS[name]
    assert words is not None
    assert words.question in QUESTIONS
    for text in (words.overview, words.account, words.later):
        assert text
        formatted(text)


def test_a_study_that_is_named_by_a_number_has_a_title_in_words() -> None:
    numbered = [study for study in all_studies() if re.match(r"[A-Z][a-z]+ \d", study.artifact)]
    assert numbered
    assert [study.name for study in numbered if (words := ACCOUNTS[study.name]) is None or words.title is None] == []
    titles = [words.title for words in ACCOUNTS.values() if words is not None and words.title is not None]
    assert len(set(titles)) == len(titles)


def test_another_form_is_refused() -> None:
    with pytest.raises(ValueError, match="Question: NAME"):
        parsed("## Overview\n", "x.md")
    with pytest.raises(ValueError, match="needs"):
        parsed("Question: fit\n## Overview\na\n## Later work\nb\n", "x.md")
