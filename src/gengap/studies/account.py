"""The account of a study in words: a Markdown file beside it, from which its page in the atlas is made."""

import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from gengap.studies.study import Study

# What a reader may ask -> the question as a heading, in the order of the atlas.
QUESTIONS = {
    "fit": "Why can networks fit noise?",
    "interpolate": "Why does interpolation not overfit?",
    "regularise": "What does a regulariser do?",
    "certify": "What can I certify?",
    "measure": "Which number about my network means anything?",
}
_HEADINGS = ("Overview", "Account", "Later work")
_FORM = (
    "a first line 'Question: NAME', perhaps a second 'Title: WORDS', "
    "and the headings ## Overview, ## Account, ## Later work, in this order"
)


@dataclass(frozen=True)
class Account:
    """What a reader is told about a study, as Markdown with LaTeX formulas.

    Attributes:
        question: A key of ``QUESTIONS``.
        title: What the study is about in a few words; None where its artifact says it.
        overview: What was done and what came out, for somebody in a hurry.
        account: The standard account, with its formulas.
        later: What later work says against it, with sources.
    """

    question: str
    title: str | None
    overview: str
    account: str
    later: str


def account(study: Study) -> Account | None:
    """The account of a study, from ``ARTIFACT.md`` beside its file; None where there is none.

    Raises:
        ValueError: The file has another form.
    """
    paper, artifact = study.name.split("/")
    package = import_module(f"gengap.studies.{paper}")
    path = Path(package.__path__[0]) / f"{artifact}.md"
    return parsed(path.read_text(encoding="utf-8"), path.name) if path.exists() else None


def topic(study: Study) -> str:
    """What a study is about in a few words; what the paper calls it, where its account has no title."""
    words = account(study)
    return study.artifact if words is None or words.title is None else words.title


def parsed(text: str, name: str) -> Account:
    """An account from its file's text.

    Raises:
        ValueError: It has another form; the message names the file.
    """
    head, *parts = re.split(r"^## +(.+)$", text, flags=re.MULTILINE)
    first = re.fullmatch(r"\s*Question: (?P<question>\w+)\n(Title: (?P<title>.+)\n)?\s*", head)
    if first is None or first["question"] not in QUESTIONS or tuple(parts[::2]) != _HEADINGS:
        raise ValueError(f"{name} is no account: it needs {_FORM}; NAME is one of {', '.join(QUESTIONS)}")
    overview, body, later = (part.strip() for part in parts[1::2])
    return Account(first["question"], first["title"], overview, body, later)
