"""Prediction files under the names and in the forms that people have; what is guessed is a remark."""

import gzip
import json
from pathlib import Path

import pytest

from gengap.cli import main
from gengap.errors import InputError
from gengap.tasks.certify.files import read_predictions


def write(folder: Path, text: str, name: str = "p.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


@pytest.mark.parametrize(
    ("header", "guessed"),
    [("y_true,y_pred", 0), ("label,prediction", 2), ("Target,Pred", 2), ("y_true,predicted", 1), ("gold,y_pred", 1)],
)
def test_columns_are_read_by_their_usual_names(header: str, guessed: int, tmp_path: Path) -> None:
    read = read_predictions(write(tmp_path, f"{header}\n0,0\n1,0\n1,1\n"))
    assert read.zero_one().tolist() == [0, 1, 0]
    assert sum(remark.startswith("Read as") for remark in read.remarks()) == guessed


def test_columns_that_may_both_be_meant_are_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, "label,target,prediction\n0,1,0\n1,1,0\n")
    with pytest.raises(InputError, match="several columns that may be meant: label, target") as raised:
        read_predictions(path)
    assert raised.value.next_step == "choose it: --truth label"
    assert read_predictions(path, truth="label").zero_one().tolist() == [0, 1]
    assert read_predictions(path, truth="target").zero_one().tolist() == [1, 1]
    assert read_predictions(path, truth="label", prediction="target").zero_one().tolist() == [1, 0]
    with pytest.raises(InputError, match="Unknown column"):
        read_predictions(path, truth="labels")


def test_a_chosen_column_goes_before_the_usual_name(tmp_path: Path) -> None:
    path = write(tmp_path, "y_true,y_pred,second\n0,0,1\n1,0,1\n")
    assert read_predictions(path, prediction="second").zero_one().tolist() == [1, 0]


@pytest.mark.parametrize(
    ("text", "losses", "brier"),
    [
        ("y_true,p_1\n0,0.25\n1,0.5\n1,0.75\n", [0, 1, 0], [0.0625, 0.25, 0.0625]),
        ("y_true,p_0\n0,0.75\n1,0.25\n", [0, 0], [0.0625, 0.0625]),
        ("label,prob_dog\ncat,0.25\ndog,0.75\n", [0, 0], [0.0625, 0.0625]),
        ("y_true,p_1\n1,0.75\n1,0.25\n", [0, 1], [0.0625, 0.5625]),
    ],
)
def test_of_two_classes_the_probability_of_one_is_enough(
    text: str, losses: list[float], brier: list[float], tmp_path: Path
) -> None:
    read = read_predictions(write(tmp_path, text))
    assert read.zero_one().tolist() == losses
    assert read.brier().tolist() == pytest.approx(brier)
    assert any("is 1 less that of" in remark for remark in read.remarks())


@pytest.mark.parametrize(
    "text", ["y_true,p_1\n0,0.5\n1,0.5\n2,0.5\n", "y_true,p_dog\ndog,0.5\n", "y_true,p_1\n0,1.5\n1,0\n"]
)
def test_of_more_classes_it_is_not(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_predictions(write(tmp_path, text))


@pytest.mark.parametrize("form", ["plain", "gzip", "json", "lines", "semicolons", "utf-16"])
def test_the_command_gives_one_certificate_for_every_form(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "label,prediction\n" + "0,0\n1,1\n0,1\n" * 20
    records = [{"label": t, "prediction": p} for t, p in ((0, 0), (1, 1), (0, 1)) * 20]
    contents = {
        "plain": text.encode(),
        "gzip": gzip.compress(text.encode()),
        "json": json.dumps(records).encode(),
        "lines": "\n".join(map(json.dumps, records)).encode(),
        "semicolons": text.replace(",", ";").encode(),
        "utf-16": text.encode("utf-16"),
    }
    (tmp_path / "p.csv").write_bytes(contents[form])
    answers = []
    for arguments in (["--predictions", str(tmp_path / "p.csv")], ["--errors", "20", "--n", "60"]):
        with pytest.raises(SystemExit) as ended:
            main(["certify", *arguments, "--json"])
        assert not ended.value.code
        answers.append(json.loads(capsys.readouterr().out)["upper"])
    assert answers[0] == answers[1]
