"""`gengap certify` as a person uses it."""

import json

import numpy as np
import pandas as pd
import pytest

from gengap.cli import main
from gengap.tasks.certify.words import percent


@pytest.fixture
def run(capsys):
    def call(*arguments: str, status: int = 0):
        with pytest.raises(SystemExit) as stopped:
            main(["certify", *map(str, arguments)])
        captured = capsys.readouterr()
        assert stopped.value.code == status, captured.err
        return captured

    return call


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    for name, rate in (("a", 0.1), ("b", 0.3)):
        predicted = np.where(rng.random(300) < rate, (labels + 1) % 3, labels)
        table = pd.DataFrame({"y_true": labels, "y_pred": predicted, "patient": np.arange(300) // 3})
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    probabilities = rng.dirichlet(np.ones(2), 300).round(4)
    pd.DataFrame({"y_true": labels % 2, "p_0": probabilities[:, 0], "p_1": 1 - probabilities[:, 0]}).to_parquet(
        tmp_path / "p.parquet"
    )
    models = {f"m{i}": np.where(rng.random(300) < 0.2, 0, labels) for i in range(4)}
    pd.DataFrame({"y_true": labels, **models}).to_csv(tmp_path / "all.csv", index=False)
    return tmp_path


def test_counts_as_one_json_document(run) -> None:
    printed = run("--errors", "30", "--n", "10000", "--tried", "300", "--json")
    document = json.loads(printed.out)
    assert document["upper"] == document["bounds"]["clopper_pearson"]["upper"] == pytest.approx(0.005495, abs=1e-6)
    assert printed.err == ""


def test_the_papers_figure(run) -> None:
    document = json.loads(run("--errors", 0, "--n", 10_000, "--tried", 10**9, "--delta", 0.1, "--json").out)
    assert document["bounds"]["kawaguchi2017_prop5"]["gap"] == pytest.approx(0.0694, abs=5e-5)


def test_the_terminal_shows_the_promise_first_and_every_bound_on_demand(run) -> None:
    arguments = ["--errors", "30", "--n", "10000", "--tried", "300"]
    shown = " ".join(run(*arguments).out.split())
    assert shown.startswith("With 95 % confidence the true error rate is at most 0.55 %")
    assert "random sample of what the model will meet in use" in shown
    assert "If you changed a model after seeing its score here, this number does not apply" in shown
    assert "drawn independently" in shown
    assert "Prop. 5" not in shown
    shown = " ".join(run(*arguments, "--bounds").out.split())
    for title in ("Prop. 5", "Hoeffding", "Chernoff-KL", "Clopper-Pearson", "Bernstein", "Betting"):
        assert title in shown


def test_a_large_delta_is_warned_of_and_an_accuracy_is_a_lower_bound(run) -> None:
    assert "fails more often than it holds" in run("--errors", 3, "--n", 100, "--delta", 0.6).out
    assert "more often" not in run("--errors", 3, "--n", 100).out
    shown = " ".join(run("--errors", 0, "--n", 50, "--accuracy").out.split())
    assert "the true accuracy is at least 94.1 % (seen: 50 right of 50 examples, 100 %)" in shown
    document = json.loads(run("--errors", 0, "--n", 50, "--accuracy", "--json").out)
    assert document["lower"] == pytest.approx(0.05 ** (1 / 50))
    assert document["interval"] == pytest.approx([0, 1 - 0.025 ** (1 / 50)])


def test_predictions_losses_and_groups(run, files) -> None:
    plain = json.loads(run("--predictions", files / "a.csv", "--json").out)
    assert (plain["headline"], plain["n"]) == ("clopper_pearson", 300)
    grouped = json.loads(run("--predictions", files / "a.csv", "--groups", "patient", "--json").out)
    assert (grouped["headline"], grouped["n"], grouped["unit"]) == ("betting", 100, "group")
    shown = " ".join(run("--predictions", files / "a.csv", "--clusters", "patient").out.split())
    assert "the true error rate, averaged over patients, is at most" in shown
    assert "if your test patients are a random sample" in shown
    brier = json.loads(run("--predictions", files / "p.parquet", "--loss", "brier", "--json").out)
    assert "true Brier loss is at most" in " ".join(
        run("--predictions", files / "p.parquet", "--loss", "brier").out.split()
    )
    assert (brier["headline"], brier["errors"]) == ("betting", None)
    assert json.loads(run("--predictions", files / "p.parquet", "--json").out)["headline"] == "clopper_pearson"


def test_all_predictions_compare_and_plan(run, files) -> None:
    family = json.loads(run("--all-predictions", files / "all.csv", "--json").out)
    assert family["tried"] == family["family"]["models"] == 4
    assert "distinct_error_vectors" in family["family"]
    assert "loses" in " ".join(run("--all-predictions", files / "all.csv").out.split())
    compared = json.loads(run("--compare", files / "a.csv", files / "b.csv", "--json").out)
    assert compared["verdict"] == "ship A"
    assert compared["files"] == [str(files / "a.csv"), str(files / "b.csv")]
    shown = "".join(run("--compare", files / "a.csv", files / "b.csv").out.split())
    assert f"ShipA:A({files / 'a.csv'})errsaloneon" in shown
    planned = json.loads(run("--plan", "--gap", 0.01, "--tried", 300, "--expected-error", 0.05, "--json").out)
    assert 7_000 <= planned["n"] <= 7_020
    assert "32,282" in run("--plan", "--gap", 0.01, "--tried", 300).out


PLANS = {
    "promise": ["--plan", "--gap", 0.01, "--tried", 300],
    "comparison": ["--plan", "--compare", "--difference", 0.05, "--discordance", 0.1],
    "without a size": ["--plan", "--compare", "--difference", 1e-9, "--discordance", 1],
}


@pytest.mark.parametrize("arguments", PLANS.values(), ids=PLANS.keys())
def test_a_plan_is_written_in_every_form(run, tmp_path, arguments) -> None:
    printed = run(*arguments, "--json", "--out", tmp_path / "page")
    plan = json.loads(printed.out)
    needed = "none is known" if plan["n"] is None else f"{plan['n']:,}"
    page = (tmp_path / "page" / "report.html").read_text()
    assert needed in page
    assert "How many held-out examples are needed" in page
    (stored,) = (
        value for value in json.loads((tmp_path / "page" / "report.json").read_text()).values() if value == plan
    )
    assert stored["delta"] == 0.05
    for form in ("html", "json", "csv", "md"):
        run(*arguments, "--out", tmp_path / f"plan.{form}")
    assert needed in (tmp_path / "plan.html").read_text()
    assert json.loads((tmp_path / "plan.json").read_text()) == plan
    (row,) = pd.read_csv(tmp_path / "plan.csv").to_dict("records")
    assert row["n"] == plan["n"] or plan["n"] is None
    assert needed in (tmp_path / "plan.md").read_text().replace("No number", "none is known")
    assert "no picture" in run(*arguments, "--out", tmp_path / "plan.png", status=2).err


def test_a_file_of_probabilities_is_compared_with_one_of_labels(run, tmp_path) -> None:
    (tmp_path / "a.csv").write_text("y_true,p_0,p_1\n0,0.9,0.1\n1,0.2,0.8\n1,0.6,0.4\n")
    (tmp_path / "b.csv").write_text("y_true,y_pred\n0,1\n1,0\n1,1\n")
    for files, alone in ((("a.csv", "b.csv"), (1, 2)), (("b.csv", "a.csv"), (2, 1))):
        found = json.loads(run("--compare", *(tmp_path / name for name in files), "--json").out)
        assert (found["n"], found["a_only"], found["b_only"]) == (3, *alone)


@pytest.mark.parametrize("kind", ["counts", "brier", "family"])
def test_the_page_holds_the_promise_and_its_figures(run, files, tmp_path, kind: str) -> None:
    arguments = {
        "counts": ["--errors", 30, "--n", 10_000, "--tried", 300],
        "brier": ["--predictions", files / "p.parquet", "--loss", "brier"],
        "family": ["--all-predictions", files / "all.csv"],
    }[kind]
    printed = run(*arguments, "--out", tmp_path / "page", "--json")
    document = json.loads(printed.out)
    assert "report.html" in printed.err
    page = (tmp_path / "page" / "report.html").read_text()
    for words in (
        "What this held-out score is worth",
        "What would tighten it",
        "What it assumes",
        "drawn independently",
    ):
        assert words in page
    assumed = page[page.index("What it assumes") :]
    assert "Models: " not in assumed  # results stand with the promise
    assert "Recall of class" not in assumed
    assert json.loads((tmp_path / "page" / "report.json").read_text())["certificate"] == document
    for figure in ("bounds", "promise-by-tried", "promise-by-size"):
        assert (tmp_path / "page" / f"{figure}.png").stat().st_size > 0


def test_sentence_table_and_page_write_a_rate_with_the_same_digits_and_round_no_bound_down(run, tmp_path) -> None:
    arguments = ["--errors", 30, "--n", 10_000, "--tried", 300]
    document = json.loads(run(*arguments, "--out", tmp_path, "--json").out)
    page, shown = (tmp_path / "report.html").read_text(), " ".join(run(*arguments, "--bounds").out.split())
    uppers = [bound["upper"] for bound in document["bounds"].values() if bound["upper"] is not None]
    written = [percent(upper, up=True) for upper in uppers]
    for upper, text in zip(uppers, written, strict=True):
        assert upper <= float(text.removesuffix(" %")) / 100 + 1e-15
        assert f">{text}</td>" in page
        assert text in shown
    assert "%</td>" not in page.replace(" %</td>", "")


def test_an_order_seed_repeats_an_answer(run, files) -> None:
    arguments = ["--predictions", files / "p.parquet", "--loss", "brier", "--json"]
    one = json.loads(run(*arguments).out)
    assert json.loads(run(*arguments, "--order-seed", one["order_seed"]).out) == one
    assert json.loads(run(*arguments).out)["order_seed"] != one["order_seed"]
    assert json.loads(run(*arguments, "--in-order").out)["bounds"]["betting_sequence"]["upper"] > 0


def test_names_from_files_are_escaped_on_the_page(run, tmp_path) -> None:
    name = "<script>alert(1)</script>"
    pd.DataFrame({"y_true": [0, 1, 1], name: [0, 1, 1]}).to_csv(tmp_path / "all.csv", index=False)
    run("--all-predictions", tmp_path / "all.csv", "--out", tmp_path / "page")
    page = (tmp_path / "page" / "report.html").read_text()
    assert name not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to certify"),
        (["--errors", 3], "--errors is given without --n"),
        (["--n", 3], "--n is given without --errors"),
        (["--errors", 5, "--n", 4], "more than n"),
        (["--errors", 0, "--n", 0], "n = 0"),
        (["--errors", 1, "--n", 10, "--tried", 0], "tried = 0"),
        (["--errors", 1, "--n", 10, "--tried", 10**400], "is not a number"),
        (["--errors", 1, "--n", 10, "--delta", 1], "delta = 1"),
        (["--errors", 1, "--n", 10, "--delta", "nan"], "NaN"),
        (["--errors", 1, "--n", 10, "--plan", "--gap", 0.1], "contradict"),
        (["--errors", 1, "--n", 10, "--groups", "patient"], "--clusters cannot go with --errors"),
        (["--plan"], "--plan needs --gap"),
        (["--plan", "--gap", 2], "gap = 2"),
        (["--plan", "--gap", 0.1, "--clusters", "x"], "--clusters cannot go with --plan"),
        (["--errors", 1, "--n", 10, "--order-seed", 3], "--order-seed cannot go with --errors"),
        (["--predictions", "a.csv", "--order-seed", -1], "order_seed = -1"),
        (["--predictions", "absent.csv"], "no file absent.csv"),
        (["--predictions", "a.csv", "--compare", "a.csv", "b.csv"], "contradict"),
        (["--predictions", "a.csv", "--groups", "user"], "Unknown column"),
        (["--predictions", "a.csv", "--loss", "brier"], "no class probabilities"),
        (["--predictions", "p.csv"], "sum to 0.9"),
        (["--predictions", "unlabelled.csv"], "no column y_true"),
        (["--predictions", "gaps.csv"], "y_pred is missing"),
        (["--predictions", "picture.png"], "no table"),
        (["--compare", "a.csv", "short.csv"], "300 and 1 examples"),
        (["--compare", "a.csv", "other.csv"], "labels of the two files differ"),
        (["--compare", "gaps.csv", "gaps.csv"], "gaps.csv: y_pred is missing"),
        (["--compare", "a.csv", "text.csv"], "differ on 300 of 300"),
        (["--predictions", "holes.parquet"], "y_pred is missing"),
        (["--predictions", "twice.csv"], "two columns y_pred"),
        (["--predictions", "long.csv"], "more fields than its header"),
        (["--all-predictions", "all.csv", "--tried", 2], "predictions of 4"),
        (["a.csv", "b.csv"], "not what to do with them"),
        (["--predictions", "a.csv", "--by", "patient", "--metric", "recall"], "--metric cannot go with --by"),
        (["--predictions", "a.csv", "--metric", "recall", "--order-seed", 3], "--metric cannot go with --order-seed"),
        (["--predictions", "a.csv", "--by", "patient", "--accuracy"], "--by cannot go with --accuracy"),
        (["--predictions", "a.csv", "--positive", 1], "--positive needs --metric"),
        (["--predictions", "a.csv", "--metric", "auc"], "There are 3 classes"),
        (["--predictions", "a.csv", "--control", 0.1], "or a column confidence"),
        (["--predictions", "two.csv", "--loss", "top-2"], "at most top-1"),
        (["--plan", "--compare", "a.csv", "b.csv", "--power", 1.5], "power = 1.5"),
        (["--plan", "--compare", "a.csv", "b.csv", "--clusters", "patient", "--power", 1.5], "power = 1.5"),
        (["--log", "results_1.json"], "holds means, not the score of each document"),
    ],
)
def test_bad_input_is_told_without_a_traceback(run, files, monkeypatch, arguments, message: str) -> None:
    monkeypatch.chdir(files)
    (files / "p.csv").write_text("y_true,p_0,p_1\n0,0.5,0.4\n")
    (files / "two.csv").write_text("y_true,p_0,p_1\n0,0.5,0.5\n")
    (files / "results_1.json").write_text('{"results": {}}')
    (files / "unlabelled.csv").write_text("y_pred\n1\n")
    (files / "gaps.csv").write_text("y_true,y_pred\n1,1\n0,NaN\n")
    (files / "short.csv").write_text("y_true,y_pred\n1,1\n")
    (files / "twice.csv").write_text("y_true,y_pred,y_pred\n1,1,0\n")
    (files / "long.csv").write_text("y_true,y_pred\n7,1,1\n")
    holes = pd.DataFrame({"y_true": ["a", "b"], "y_pred": pd.array(["a", None], "string")})
    holes.to_parquet(files / "holes.parquet")
    (files / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    table = pd.read_csv(files / "a.csv")
    table.assign(y_true=table["y_true"] + 1, y_pred=table["y_pred"] + 1).to_csv(files / "other.csv", index=False)
    names = np.array(["cat", "dog", "cow"])
    table.assign(y_true=names[table["y_true"]], y_pred=names[table["y_pred"]]).to_csv(files / "text.csv", index=False)
    told = run(*arguments, status=2).err
    assert message in told
    assert "Traceback" not in told
    assert len(told.strip().splitlines()) <= 3
