"""Prediction files of every accepted form, and files that are none."""

import numpy as np
import pandas as pd
import pytest

from gengap.errors import InputError
from gengap.tasks.certify.certificate import certify_evaluation
from gengap.tasks.certify.files import read_all_predictions, read_predictions
from gengap.tasks.certify.ranking import compare_files


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
        ("class,y_pred\n1,1\n", "no column y_true; it has class, y_pred"),
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
    with pytest.raises(InputError, match=r"no (table|text)"):
        read_predictions(tmp_path / name)
    with pytest.raises(InputError, match="no file"):
        read_predictions(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "neither a row nor a column y_true"),
        ("y_true\n1\n", "no model"),
        ("model,e1\ny_true,1\nm,0\nm,1\n", "names m twice"),
        ("y_true,m,m\n1,1,0\n", "two columns m"),
        ("id,y_true,m1,m2\n7,1,1,0\n", "column id would count as a model"),
        (",y_true,m1,m2\n0,1,1,0\n", "column Unnamed: 0 would count as a model"),
        ("y_true,m1,score\n1,1,0.2\n", "fractions"),
        ("y_true,m1,m2\n1,1,\n", "f.csv: m2 is missing"),
    ],
)
def test_refuses_what_are_not_all_predictions(tmp_path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_all_predictions(write(tmp_path / "f.csv", text))


def test_models_in_rows_may_say_what_no_label_is(tmp_path) -> None:
    file = write(tmp_path / "f.csv", "model,e1,e2\ny_true,0,1\nm1,0,unknown\nm2,1,1\n")
    assert read_all_predictions(file)[1].tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("dtype", ["string", "boolean", "Int64"])
def test_a_hole_in_a_column_of_any_type_is_missing(tmp_path, ending: str, dtype: str) -> None:
    values = {"string": ["a", "b", None], "boolean": [True, False, None], "Int64": [1, 0, None]}[dtype]
    column = pd.Series(values, dtype=dtype)
    whole = pd.Series([*values[:2], values[0]], dtype=dtype)
    for table, name in (
        ({"y_true": column, "y_pred": whole}, "y_true"),
        ({"y_true": whole, "y_pred": column}, "y_pred"),
    ):
        file = tmp_path / f"f.{ending}"
        frame = pd.DataFrame(table)
        frame.to_csv(file, index=False) if ending == "csv" else frame.to_parquet(file)
        with pytest.raises(InputError, match=rf"f.{ending}: {name} is missing .* for 1 of 3"):
            read_predictions(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y_true,p_0,p_1\nTrue,0.1,0.9\nFalse,0.8,0.2\n", "The label 'True' has no probability column"),
        ("y_true,p_00,p_01\n0,0.9,0.1\n1,0.2,0.8\n", "The label '0' has no probability column"),
        ("y_true,p_a,prob_a\na,0.5,0.5\n", "two probability columns for the class a: p_a and prob_a"),
        ("y_true,p_0,p_1,p_value\n0,0.5,0.5,0.5\n", "sum to 1.5.\nExpected: .* for the classes 0, 1, value"),
        ("y_true,p_0,p_1,p_id\n0,0.5,0.5,x\n", "not numbers, in the columns p_0, p_1, p_id"),
        ("y_true,p_0,p_1\n0,0.5,\n", "Row 1 holds a probability that is NaN"),
        ("y_true,y_pred,y_pred\n0,0,1\n", "two columns y_pred"),
        ("y_true,y_pred\n0,1,1\n", "more fields than its header"),
    ],
)
def test_refuses_probabilities_and_columns_that_do_not_fit(tmp_path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as told:
        read_predictions(write(tmp_path / "f.csv", text))
    assert len(str(told.value).splitlines()) <= 3


def test_a_space_after_the_comma_is_no_error(tmp_path) -> None:
    assert read_predictions(write(tmp_path / "f.csv", "y_true,y_pred\ncat, cat\ndog, dog\n")).zero_one().sum() == 0


def test_beside_y_pred_only_brier_reads_what_look_like_probabilities(tmp_path) -> None:
    read = read_predictions(write(tmp_path / "f.csv", "y_true,y_pred,p_id\n0,0,u\n1,0,v\n"))
    assert read.zero_one().tolist() == [0, 1]
    assert read.groups("p_id").tolist() == ["u", "v"]
    with pytest.raises(InputError, match="not numbers, in the columns p_id"):
        read.brier()
    table = "y_true,y_pred,p_0,p_1,p_value\n0,0,0.5,0.5,0.5\n"
    assert read_predictions(write(tmp_path / "f.csv", table)).zero_one().tolist() == [0]


A_TEXT = "id,y_true,y_pred\n1,0,0\n2,0,1\n3,1,1\n"


@pytest.mark.parametrize("name", ["id", "ID", "example_id", "path", "filename", "index", "name", ""])
@pytest.mark.parametrize("ids", ["123", "xyz"])
def test_compare_pairs_examples_by_what_names_them(tmp_path, name: str, ids: str) -> None:
    one, two, three = ids
    a = write(tmp_path / "a.csv", f"{name},y_true,y_pred\n{one},0,0\n{two},0,1\n{three},1,1\n")
    b = write(tmp_path / "b.csv", f"y_true,y_pred,{name}\n0,1,{two}\n0,1,{one}\n1,1,{three}\n")
    if name == "":  # as pandas and R write an index: in front
        b = write(tmp_path / "b.csv", f",y_true,y_pred\n{two},0,1\n{one},0,1\n{three},1,1\n")
    for files, alone in (((a, b), (0, 1)), ((b, a), (1, 0))):
        found = compare_files(*files)
        assert (found.n, found.a_only, found.b_only) == (3, *alone)


def test_compare_pairs_by_an_index_in_parquet_and_by_ids_across_formats(tmp_path) -> None:
    a = pd.DataFrame({"y_true": [0, 0, 1], "y_pred": [0, 1, 1]}, index=pd.Index([4, 7, 9], name="id"))
    b = pd.DataFrame({"id": [9.0, 7.0, 4.0], "p_0": [0.1, 0.2, 0.3], "p_1": [0.9, 0.8, 0.7], "y_true": [1, 0, 0]})
    a.to_parquet(tmp_path / "a.parquet")
    b.to_csv(tmp_path / "b.csv", index=False)
    found = compare_files(tmp_path / "a.parquet", tmp_path / "b.csv")
    assert (found.a_only, found.b_only) == (0, 1)
    for name, table in (("c", a.rename_axis(None)), ("d", a.rename_axis(None).iloc[[1, 0, 2]])):
        table.to_parquet(tmp_path / f"{name}.parquet")
    found = compare_files(tmp_path / "c.parquet", tmp_path / "d.parquet")
    assert (found.a_only, found.b_only) == (0, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,y_true,y_pred\n2,0,0\n2,0,1\n3,1,1\n", "b.csv .b. does not hold 1 of the questions of a.csv .a.: 1"),
        ("id,y_true,y_pred\n1,0,0\n2,0,1\n3,1,1\n3,0,1\n", "b.csv: 3 has different labels in its repetitions"),
        ("index,y_true,y_pred\n2,0,0\n2,0,1\n3,1,1\n", "b.csv: index holds 2 twice"),
        ("id,y_true,y_pred\n1,0,0\n4,0,1\n3,1,1\n", "b.csv .b. does not hold 1 of the questions of a.csv .a.: 2"),
        ("id,y_true,y_pred\n1,0,0\n,0,1\n3,1,1\n", "b.csv: id is missing"),
        ("id,y_true,y_pred\n3,0,0\n2,0,1\n1,1,1\n", "labels of the two files differ on 2 of 3 rows"),
        ("id,y_true,y_pred\n1,0,0\n2,0,1\n", "b.csv .b. does not hold 1 of the questions of a.csv .a.: 3"),
        ("id,y_true,y_pred\n1,0,0\n2,,1\n3,1,1\n", "b.csv: y_true is missing"),
    ],
)
def test_compare_refuses_examples_that_cannot_be_paired(tmp_path, text: str, message: str) -> None:
    a, b = write(tmp_path / "a.csv", A_TEXT), write(tmp_path / "b.csv", text)
    with pytest.raises(InputError, match=message) as told:
        compare_files(a, b)
    assert len(str(told.value).splitlines()) <= 3


def test_repeated_ids_are_one_example(tmp_path) -> None:
    rows = [f"{i},{i % 2},{(i % 2) ^ (k == 0 and i < 6)}" for i in range(60) for k in range(3)]
    file = write(tmp_path / "a.csv", "\n".join(["id,y_true,y_pred", *rows]) + "\n")
    made = certify_evaluation(read_predictions(file).evaluation())
    assert (made.n, made.errors, made.headline) == (60, None, "betting")
    assert made.empirical_risk == pytest.approx(6 / 60 / 3)
    assert "180 rows are 60 questions, 3 times each" in made.remarks[0]
    found = compare_files(file, file)
    assert (found.n, found.test, found.verdict) == (60, "betting on the differences", "cannot tell")
    assert "same questions" in " ".join(found.remarks)


def test_compare_tells_that_labels_are_missing_in_both(tmp_path) -> None:
    text = "y_true,y_pred\n0,0\n,1\n"
    with pytest.raises(InputError, match=r"a.csv: y_true is missing .* for 1 of 2"):
        compare_files(write(tmp_path / "a.csv", text), write(tmp_path / "b.csv", text))


@pytest.mark.parametrize("name", ["sample_weight", "Sample_Weights", "instance_weight"])
def test_different_weights_are_refused_and_equal_ones_remarked(tmp_path, name: str) -> None:
    text = f"y_true,y_pred,{name}\n0,0,{{}}\n1,0,2\n"
    with pytest.raises(InputError, match=f"different weights, in the column {name}"):
        read_predictions(write(tmp_path / "f.csv", text.format(1)))
    assert read_predictions(write(tmp_path / "f.csv", text.format(2))).remarks() == [
        f"Column {name} was not used: every example counts the same."
    ]


def test_a_column_of_weights_is_no_model_and_may_be_a_feature(tmp_path) -> None:
    with pytest.raises(InputError, match="column weight would count as a model"):
        read_all_predictions(write(tmp_path / "f.csv", "y_true,m,weight\n0,0,1\n1,0,1\n"))
    read = read_predictions(write(tmp_path / "f.csv", "y_true,y_pred,weight\n0,0,71\n1,0,80\n"))
    assert "Column weight was not used" in read.remarks()[0]


def test_real_targets_are_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="real numbers"):
        read_predictions(write(tmp_path / "f.csv", "y_true,y_pred\n0.25,0.3\n1.5,1.5\n")).zero_one()
