"""Prediction files of every accepted form, and files that are none."""

import numpy as np
import pandas as pd
import pytest

from gengap.errors import InputError
from gengap.tasks.certify.files import read_all_predictions, read_predictions


def write(path, text: str):
    path.write_text(text)
    return path


def test_csv_tsv_and_parquet_say_the_same(tmp_path) -> None:
    table = pd.DataFrame({"y_true": ["cat", "dog", "NA"], "y_pred": ["cat", "cat", "NA"]})
    table.to_csv(tmp_path / "a.csv", index=False)
    table.to_csv(tmp_path / "a.tsv", index=False, sep="\t")
    table.to_parquet(tmp_path / "a.parquet")
    for name in ("a.csv", "a.tsv", "a.parquet"):
        assert read_predictions(tmp_path / name).zero_one().tolist() == [0, 1, 0]  # a class may be called NA


@pytest.mark.parametrize("prefix", ["p_", "prob_", "proba_", "probability_"])
def test_class_probabilities_predict_their_largest(tmp_path, prefix: str) -> None:
    file = write(tmp_path / "p.csv", f"y_true,{prefix}0,{prefix}1\n0,0.9,0.1\n1,0.6,0.4\n1,0.25,0.75\n")
    read = read_predictions(file)
    assert read.zero_one().tolist() == [0, 1, 0]
    assert read.brier() == pytest.approx([0.01, 0.36, 0.0625])


def test_whole_labels_written_as_decimals_match_the_columns(tmp_path) -> None:
    file = write(tmp_path / "p.csv", "y_true,p_0,p_1\n0.0,0.9,0.1\n1.0,0.1,0.9\n")
    assert read_predictions(file).zero_one().tolist() == [0, 0]


def test_groups_come_from_a_column(tmp_path) -> None:
    file = write(tmp_path / "g.csv", "y_true,y_pred,patient\n0,0,u\n1,0,v\n")
    assert read_predictions(file).groups("patient").tolist() == ["u", "v"]
    with pytest.raises(InputError, match="did you mean 'patient'"):
        read_predictions(file).groups("patients")


def test_all_predictions_may_lie_either_way(tmp_path) -> None:
    table = pd.DataFrame({"y_true": [0, 1, 1], "m1": [0, 1, 0], "m2": [1, 1, 1]})
    table.to_csv(tmp_path / "examples.csv", index=False)
    table.T.rename_axis("model").reset_index().to_csv(tmp_path / "models.csv", index=False)
    for name in ("examples.csv", "models.csv"):
        names, losses = read_all_predictions(tmp_path / name)
        assert names == ["m1", "m2"]
        assert np.array_equal(losses, [[0, 0, 1], [1, 0, 0]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no table"),
        ("y_true,y_pred\n", "no rows"),
        ("y_true,y_pred\n1,1\n1,1,1,1\n", "no table"),
        ("label,y_pred\n1,1\n", "no column y_true; it has label, y_pred"),
        ("y_true,guess\n1,1\n", "no predictions"),
        ("y_true,p_0,p_1\n0,0.5,high\n", "not numbers"),
    ],
)
def test_refuses_what_are_no_predictions(tmp_path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_predictions(write(tmp_path / "f.csv", text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y_true,y_pred\n1,1\n,0\n", "y_true is missing"),
        ("y_true,y_pred\n1,1\n1,NaN\n", "y_pred is missing"),
        ("y_true,y_pred\n1,cat\n0,dog\n", "text"),
        ("y_true,y_pred\n1,0.7\n0,0.2\n", "fractions"),
    ],
)
def test_refuses_values_that_are_missing_or_no_labels(tmp_path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_predictions(write(tmp_path / "f.csv", text)).zero_one()


def test_names_that_elsewhere_mean_missing_are_labels(tmp_path) -> None:
    read = read_predictions(write(tmp_path / "f.csv", "y_true,y_pred\nNA,NA\nNone,NA\nnull,null\n"))
    assert read.zero_one().tolist() == [0, 1, 0]


@pytest.mark.parametrize(("name", "content"), [("f.parquet", b"not parquet"), ("f.csv", b"\xff\xfe\x00\x01\x80")])
def test_refuses_files_of_another_kind(tmp_path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match="no table"):
        read_predictions(tmp_path / name)
    with pytest.raises(InputError, match="no file"):
        read_predictions(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "neither a row nor a column y_true"),
        ("y_true\n1\n", "no model"),
        ("model,e1\ny_true,1\nm,0\nm,1\n", "names m twice"),
    ],
)
def test_refuses_what_are_not_all_predictions(tmp_path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_all_predictions(write(tmp_path / "f.csv", text))
