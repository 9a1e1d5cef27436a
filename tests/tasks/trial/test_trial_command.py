"""``gengap trial``: a user's own measure, the table for the catalogue, and what is refused."""

import html
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gengap.cli import main
from gengap.data import Problem
from gengap.measures import records, registry
from gengap.ranking.trial import networks as trained

MEASURE = """
from gengap.measures import Subject, register

@register(
    name="{name}",
    formula="sum_i ||W_i||_F^2 / 2",
    source="none",
    sign=1,
    needs=frozenset({{"weights"}}),
    rescaling_invariant=False,
)
def {name}(subject: Subject) -> float:
    return sum(float(layer.weight.square().sum()) for layer in subject.layers) / 2
"""


@pytest.fixture(scope="module")
def networks_once() -> Callable[..., list[trained.Tried]]:
    """``trial_networks``, which trains the same networks for every measure: here for all tests together."""
    known: dict[tuple[str, int], list[trained.Tried]] = {}

    def networks(problem: Problem, *, seeds: int, progress: trained.Progress) -> list[trained.Tried]:
        key = problem.hash, seeds
        if key not in known:
            known[key] = trained.trial_networks(problem, seeds=seeds, progress=progress)
        return known[key]

    return networks


@pytest.fixture(autouse=True)
def small(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, networks_once: Callable[..., list[trained.Tried]]
) -> Iterator[None]:
    fields = {"model": "mlp-2x16", "epochs": 150, "target_loss": 0.3, "batch_size": 30}
    monkeypatch.setattr(trained, "RECIPE", trained.RECIPE.model_copy(update=fields))
    monkeypatch.setattr(trained, "EXAMPLES", 60)
    monkeypatch.setattr(trained, "LEVELS", (0.0, 0.5, 1.0))
    monkeypatch.setattr(sys.modules["gengap.ranking.trial.trial"], "trial_networks", networks_once)
    registry.all_measures()  # the catalogue registers when it is first asked for
    monkeypatch.setattr(registry, "_MEASURES", dict(registry._MEASURES))
    yield
    for name, module in list(sys.modules.items()):  # the user's files, which other tests have under the same names
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


def status(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    return int(exit_.value.code or 0)


def test_a_measure_of_the_users_file_is_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mymeasure.py").write_text(MEASURE.format(name="half_norm_on_trial"))
    out = tmp_path / "report"
    arguments = ["trial", str(tmp_path / "mymeasure.py"), "--seeds", "2", "--json", "--out", str(out)]
    assert status([*arguments, "--record", str(tmp_path / "records.json")]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [record["name"] for record in document["measures"]] == ["half_norm_on_trial"]
    assert document["measures"][0]["moves"]["layers rescaled"] > 0
    assert document["gap"]["tau"] == pytest.approx(1.0)
    assert document["cautions"]
    assert "half_norm_on_trial on trial" in (out / "report.html").read_text()
    table = json.loads((tmp_path / "records.json").read_text())
    assert set(table["provenance"]) >= {"command", "date", "gengap", "torch", "data", "networks"}
    assert records.Record("half_norm_on_trial", **table["measures"]["half_norm_on_trial"]).sentence


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise ValueError('no luck')", "error: ValueError: no luck"),
        ("return float('nan')", "not a finite number: nan"),
        ("return None", "it returned None, expected a number"),
        ("return 'high'", "it returned 'high', expected a number"),
        ("raise SystemExit(5)", "error: SystemExit: 5"),
        (
            "from gengap.measures import Finding; return Finding(None)",
            "it returned a Finding without a value or a reason",
        ),
    ],
)
def test_a_measure_that_fails_has_no_value_and_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], body: str, reason: str
) -> None:
    text = MEASURE.format(name="faulty").partition("    return")[0]
    (tmp_path / "faulty.py").write_text(f"{text}    {body}\n")
    out = tmp_path / "report"
    assert status(["trial", str(tmp_path / "faulty.py"), "--seeds", "2", "--out", str(out)]) == 3
    printed = " ".join(capsys.readouterr().out.split())
    assert "no value" in printed
    assert f"faulty has no value on the networks of the trial: {reason}" in printed
    assert reason in html.unescape((out / "report.html").read_text())


def test_of_several_measures_that_all_fail_nothing_is_said_to_follow(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = (MEASURE.format(name=name).partition("    return")[0] for name in ("first_fault", "second_fault"))
    (tmp_path / "faults.py").write_text(f"{one}    raise ValueError('no luck')\n{other}    return None\n")
    assert status(["trial", str(tmp_path / "faults.py"), "--seeds", "2"]) == 3
    printed = " ".join(capsys.readouterr().out.split())
    assert "None of 2 measures has a value on the networks of the trial" in printed
    assert "first_fault has no value: error: ValueError: no luck" in printed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1", "registers no measure"),
        ("x = ", "SyntaxError"),
        ("raise RuntimeError('no luck')", "no luck"),
        (MEASURE.format(name="param_norm"), "There is a measure param_norm already"),
    ],
)
def test_files_that_cannot_be_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str) -> None:
    (tmp_path / "mine.py").write_text(text)
    assert status(["trial", str(tmp_path / "mine.py")]) == 2
    assert words in capsys.readouterr().err


def test_names_that_do_not_exist_get_the_nearest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["trial", "--measures", "param_nrm"]) == 2
    assert "did you mean 'param_norm'" in capsys.readouterr().err
    assert status(["trial", str(tmp_path / "nothing.py")]) == 2
    assert "There is no file" in capsys.readouterr().err
