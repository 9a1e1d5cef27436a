"""Columns of a table as numbers, by hand and against scikit-learn's transformers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

import gengap
from gengap.data.features import features_of
from gengap.errors import InputError

COLUMNS = {"label_column": "kind", "split_column": "part"}


def table(tmp_path: Path, frame: pd.DataFrame) -> Path:
    frame.to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


def made_up(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"big": 5e4 * rng.normal(size=n), "colour": rng.choice(["red", "green", "blue"], n)})
    frame["holes"] = np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n))
    return frame.assign(kind=rng.integers(0, 2, n), part=np.where(np.arange(n) < n * 3 // 4, "train", "test"))


def test_by_hand(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "a": [1.0, 3.0, None, 5.0],
            "c": ["x", "y", "x", "new"],
            "kind": [0, 1, 0, 1],
            "part": ["train", "train", "test", "test"],
        }
    )
    read = gengap.load(table(tmp_path, frame), **COLUMNS)
    assert read.train.x.tolist() == [[1, 0, 1, 0], [3, 0, 0, 1]]
    assert read.test.x.tolist() == [[2, 1, 1, 0], [5, 0, 0, 0]]
    assert [step["step"] for step in read.steps] == ["one-hot", "impute"]
    assert read.steps[0]["categories"] == {"c": ["x", "y"]}
    assert read.steps[0]["unknown_in_test"] == {"c": 1}
    read = gengap.load(table(tmp_path, frame), **COLUMNS, standardise=True)
    assert read.train.x[:, 0].tolist() == [-1, 1]
    assert read.test.x[:, 0].tolist() == [0, 3]
    assert read.seen_as == (
        "values as stored; columns of text one-hot, categories that are in the test split alone all 0 "
        "(test examples: c: 1); empty numbers the mean of the training split, with an indicator; "
        "numbers standardised by the training split"
    )
    assert read.steps[-1] == {"step": "standardise", "by": "training split", "columns": ["a"]}


def test_scikit_learns_transformers_give_the_same(tmp_path: Path) -> None:
    frame = made_up()
    read = gengap.load(table(tmp_path, frame), **COLUMNS, standardise=True)
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    twin = ColumnTransformer([("n", numbers, ["big", "holes"]), ("c", OneHotEncoder(sparse_output=False), ["colour"])])
    train, test = frame[frame["part"] == "train"], frame[frame["part"] == "test"]
    expected = [twin.fit_transform(train), twin.transform(test)]
    for split, values, part in zip((read.train, read.test), expected, (train, test), strict=True):
        big, holes, colours = values[:, :1], values[:, 1:2], values[:, 2:]
        indicator = part["holes"].isna().to_numpy(float)[:, None]
        wanted = np.concatenate([big, colours, holes, indicator], axis=1)
        np.testing.assert_allclose(split.x, wanted, rtol=1e-5, atol=1e-6)  # float32


@pytest.mark.parametrize("value", [0.1, -1.4400463003044892, 5e4, 1e-30])
def test_a_constant_column_is_0_whatever_rounding_makes_of_its_variance(value: float, tmp_path: Path) -> None:
    frame = made_up(1000).assign(big=value)
    x = gengap.load(table(tmp_path, frame), **COLUMNS, standardise=True).train.x
    np.testing.assert_allclose(x[:, 0], 0, atol=1e-9)
    frame.loc[999, "big"] = value + 1  # a test example that differs is 1 away, in no unit of a rounding error
    assert gengap.load(table(tmp_path, frame), **COLUMNS, standardise=True).test.x[-1, 0] == pytest.approx(1)


def test_tables_of_numbers_are_read_as_before(tmp_path: Path) -> None:
    frame = made_up().drop(columns=["colour", "holes"])
    read = gengap.load(table(tmp_path, frame), **COLUMNS)
    assert read.steps == ()
    train = frame[frame["part"] == "train"]
    np.testing.assert_array_equal(read.train.x, train[["big"]].to_numpy(np.float32))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": [f"name {i}" for i in range(200)]}, "holds 150 different texts"),
        ({"holes": np.where(np.arange(200) < 150, np.nan, 1.0)}, "empty in every training example"),
        ({"big": np.where(np.arange(200) == 3, np.inf, 1.0)}, "infinite in row 4"),
    ],
)
def test_columns_that_are_no_features_are_refused(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        gengap.load(table(tmp_path, made_up().assign(**changes)), **COLUMNS)


def test_only_tables_are_standardised(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no columns to standardise"):
        gengap.load("digits", standardise=True)


def sizes(tmp_path: Path) -> Path:
    frame = pd.DataFrame(
        {
            "size": ["small", "large", "medium", None, "huge", "small"],
            "kind": [0, 1, 0, 1, 0, 1],
            "part": ["train"] * 4 + ["test"] * 2,
        }
    )
    return table(tmp_path, frame)


def test_an_ordinal_column_is_numbered_in_its_order_and_strange_categories_count_as_empty(tmp_path: Path) -> None:
    read = gengap.load(sizes(tmp_path), **COLUMNS, ordinal={"size": ["small", "medium", "large"]})
    assert read.train.x.tolist() == [[0, 0], [2, 0], [1, 0], [1, 1]]
    assert read.test.x.tolist() == [[1, 1], [0, 0]]
    assert read.steps[0] == {
        "step": "ordinal",
        "order": "the order given",
        "categories": {"size": ["small", "medium", "large"]},
        "unknown_in_test": {"size": 1},
    }
    assert read.seen_as == (
        "values as stored; categories numbered from 0 in the order given, categories that are in the test split alone "
        "as empty (test examples: size: 1); empty numbers the mean of the training split, with an indicator"
    )


def test_without_an_order_it_is_the_alphabets_of_the_training_split_as_in_scikit_learn(tmp_path: Path) -> None:
    path = table(tmp_path, made_up())
    read, frame = gengap.load(path, **COLUMNS, ordinal={"colour": []}), pd.read_csv(path)
    train = frame["part"] == "train"
    twin = OrdinalEncoder().fit(frame.loc[train, ["colour"]])
    assert read.train.x[:, 1].tolist() == twin.transform(frame.loc[train, ["colour"]])[:, 0].tolist()
    assert "the alphabet's order of colour" in read.seen_as


def test_an_ordinal_column_is_standardised_as_numbers_are(tmp_path: Path) -> None:
    read = gengap.load(sizes(tmp_path), **COLUMNS, standardise=True, ordinal={"size": ["small", "medium", "large"]})
    np.testing.assert_allclose(read.train.x[:, 0], np.array([-1, 1, 0, 0]) * np.sqrt(2), rtol=1e-6)


@pytest.mark.parametrize(
    ("ordinal", "words"),
    [
        ({"sice": []}, "did you mean 'size'"),
        ({"size": ["small", "medium"]}, "'size' holds large, which its order lacks"),
        ({"size": ["small", "small", "large", "medium"]}, "names a category twice"),
        ({"size": "small,large"}, "The ordinal columns are"),
        (["size"], "The ordinal columns are"),
    ],
)
def test_an_order_that_cannot_be_used_is_refused(tmp_path: Path, ordinal: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        gengap.load(sizes(tmp_path), **COLUMNS, ordinal=ordinal)


def test_numbers_and_data_without_columns_have_no_ordinal_columns(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds numbers"):
        gengap.load(table(tmp_path, made_up()), **COLUMNS, ordinal={"big": []})
    with pytest.raises(InputError, match="no columns of categories"):
        gengap.load("digits", ordinal={"size": []})


@pytest.mark.parametrize(
    ("texts", "strange"),
    [
        (["3", "?", "5", "4"], "'?'"),
        (["3,5", "4,0", "5,25"], "'3,5'"),
        (["5%", "7%", "low"], "'5%'"),
        (["1", "NA?"], "'NA?'"),
    ],
)
def test_numbers_that_became_text_are_refused(tmp_path: Path, texts: list[str], strange: str) -> None:
    table = pd.DataFrame({"a": texts})
    with pytest.raises(InputError, match="most of it are numbers") as error:
        features_of(tmp_path / "t.csv", table, np.ones(len(texts), dtype=bool), standardise=False)
    assert strange in str(error.value)


@pytest.mark.parametrize("texts", [["c3", "c4", "?"], ["0", "1", "2"], ["red", "3", "blue"], ["a", None, "b"]])
def test_categories_in_words_and_digits_that_are_all_text_are_one_hot(tmp_path: Path, texts: list[object]) -> None:
    table = pd.DataFrame({"a": pd.Series(texts, dtype=object)})
    values, steps = features_of(tmp_path / "t.csv", table, np.ones(len(texts), dtype=bool), standardise=False)
    assert steps[0]["step"] == "one-hot"
    assert values.sum() == len(texts)
