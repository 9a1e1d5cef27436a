import re
from pathlib import Path

from gengap import __version__
from gengap.studies import all_studies

CITATION = (Path(__file__).parents[2] / "CITATION.cff").read_text(encoding="utf-8")


def test_every_paper_with_a_study_is_cited() -> None:
    papers = {number for study in all_studies() for number in re.findall(r"arXiv:(\d{4}\.\d{4,5})", study.paper)}
    assert len(papers) > 10
    assert papers - set(re.findall(r"arxiv\.org/abs/(\d{4}\.\d{4,5})", CITATION)) == set()


def test_the_version_is_that_of_the_package() -> None:
    assert re.search(r"^version: (.+)$", CITATION, re.MULTILINE)[1] == __version__  # type: ignore[index]
