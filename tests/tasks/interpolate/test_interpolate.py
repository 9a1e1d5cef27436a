"""Every interpolator on the embedded digits, and what cannot be interpolated."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gengap.data import Problem, Split, load
from gengap.errors import InputError
from gengap.interpolate import RandomFourierFeatures
from gengap.tasks.interpolate import METHODS, Setting, interpolate
from gengap.tasks.interpolate.points import points_of

RNG = np.random.default_rng(0)
SMALL = {"boosting": Setting(n_trees=80), "pert": Setting(n_trees=20), "forest": Setting(n_trees=20)}


@pytest.fixture(scope="module")
def digits() -> Problem:
    return load("digits").take(200, 100)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_fits_every_label(digits: Problem, method: str) -> None:
    found = interpolate(digits, method=method, setting=SMALL.get(method))
    document = found.to_json()
    assert document["train_error"] == 0
    assert document["test_error"] < (0.95 if method == "relu" else 0.4)  # a projection on a line knows no digits
    for name in ("norm", "residual", "jitter", "solver"):
        assert (document[name] is None) == (name in document["reasons"])
    if document["residual"] is not None:
        assert document["residual"] < 1e-5
    assert document["peak_memory_bytes"] > 1e6
    assert document["seconds"] > 0
    json.dumps(document, allow_nan=False)


@pytest.mark.parametrize("preprocess", ["gabor", "conv", "zca"])
def test_maps_of_images_come_first(digits: Problem, preprocess: str) -> None:
    found = interpolate(digits, method="1-nn", preprocess=preprocess, filters=8 if preprocess == "conv" else None)
    assert found.n_inputs == {"gabor": 2 * 8 * 4, "conv": 2 * 8, "zca": 64}[preprocess]
    assert found.fit.test_error < 0.5


def test_images_enter_whole_and_in_the_unit_interval() -> None:
    x = RNG.integers(0, 256, (12, 3, 6, 6), dtype=np.uint8)
    split = Split(x, np.arange(12) % 3)
    problem = Problem("p", split, split, ("a", "b", "c")).preprocess(crop=4, scale="whiten")
    points = points_of(problem, "none", filters=1, seed=0)
    np.testing.assert_allclose(points.x, x.reshape(12, -1) / 255, rtol=1e-6)
    np.testing.assert_array_equal(points.targets.argmax(axis=1), split.y)


def test_a_seed_decides_what_is_drawn(digits: Problem) -> None:
    def values(seed: int) -> list[float | None]:
        fit = interpolate(digits, method="random-features", setting=Setting(n_features=400, seed=seed)).fit
        return [fit.test_error, fit.norm]

    assert values(1) == values(1)
    assert values(1) != values(2)


def _problem(x: np.ndarray, y: np.ndarray) -> Problem:
    split = Split(x, y)
    return Problem("made up", split, split, ("a", "b"))


@pytest.mark.parametrize(
    ("problem", "arguments", "told"),
    [
        (_problem(RNG.standard_normal((6, 2)), np.zeros(6, np.int64)), {}, "All 6 training labels are 'a'"),
        (_problem(np.ones((6, 2)), np.arange(6) % 2), {}, "All features are constant"),
        (_problem(RNG.standard_normal((6, 2)), np.arange(6) % 2), {"preprocess": "gabor"}, "is for images"),
        (_problem(RNG.standard_normal((6, 2)), np.arange(6) % 2), {"preprocess": "zka"}, "did you mean 'zca'"),
        (_problem(RNG.standard_normal((6, 2)), np.arange(6) % 2), {"method": "kernal"}, "did you mean 'kernel'"),
        (_problem(RNG.standard_normal((6, 2)), np.arange(6) % 2), {"n": 7}, "has 6 training examples"),
        (_problem(RNG.standard_normal((6, 2)), np.arange(6) % 2), {"n": 0}, "n = 0"),
        (_problem(RNG.standard_normal((6, 2)), np.arange(6) % 2), {"filters": 9}, "none has no filters"),
    ],
)
def test_what_cannot_be_interpolated_is_told(problem: Problem, arguments: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        interpolate(problem, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", METHODS)
def test_equal_examples_need_equal_labels(method: str) -> None:
    x = np.repeat(RNG.standard_normal((5, 2)), 2, axis=0)
    with pytest.raises(InputError, match="Points 0 and 1 are equal and have different labels"):
        interpolate(_problem(x, np.arange(10) % 2), method=method)
    alike = interpolate(_problem(x, np.arange(10) // 2 % 2), method=method, setting=SMALL.get(method))
    assert alike.fit.train_error == 0


def test_points_that_float32_makes_equal_are_told_by_the_names_of_their_labels(tmp_path: Path) -> None:
    seconds = 1.7e9 + np.arange(8.0)
    table = pd.DataFrame({"t": seconds, "label": ["yes", "no"] * 4, "split": ["train", "train", "train", "test"] * 2})
    table.assign(other=np.arange(8) // 4).to_csv(tmp_path / "far.csv", index=False)
    table.to_csv(tmp_path / "alone.csv", index=False)
    columns = {"label_column": "label", "split_column": "split"}
    with pytest.raises(InputError, match=r"different labels: yes and no(.|\n)*float32 holds, centre and scale"):
        interpolate(load(tmp_path / "far.csv", **columns))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"equal in float32(.|\n)*centre and scale"):
        interpolate(load(tmp_path / "alone.csv", **columns))  # type: ignore[arg-type]
    table.assign(t=seconds - seconds.mean()).to_csv(tmp_path / "centred.csv", index=False)
    centred = load(tmp_path / "centred.csv", **columns)  # type: ignore[arg-type]
    assert interpolate(centred, method="relu").fit.train_error == 0


def test_with_few_random_features_repeated_examples_count_as_often() -> None:
    x, y = RNG.standard_normal((20, 3)), np.arange(20) % 2
    problem = _problem(np.concatenate([x, x[:5]]), np.concatenate([y, y[:5]]))
    setting = Setting("gaussian", 2.0, n_features=4)
    found = interpolate(problem, method="random-features", setting=setting).fit
    Z = RandomFourierFeatures("gaussian", 2.0, 4, random_state=0).fit_transform(problem.train.x)
    assert found.norm == pytest.approx(np.linalg.norm(np.linalg.pinv(Z) @ np.eye(2)[problem.train.y]))


@pytest.mark.filterwarnings("error")
def test_a_kernel_that_cannot_interpolate_has_no_norm(digits: Problem) -> None:
    """Linear functions of 64 pixels do not fit 200 labels."""
    found = interpolate(digits, setting=Setting("linear", 1.0))
    assert found.fit.residual is not None
    assert found.fit.residual > 0.5
    assert found.fit.norm is None
    assert "residual" in found.fit.reasons["norm"]
    assert "are not fitted" in found.sentence


def test_labels_that_are_missed_are_counted(digits: Problem) -> None:
    found = interpolate(digits, method="random-features", setting=Setting(n_features=20))
    assert found.sentence.endswith(f"{round(200 * found.fit.train_error)} of 200 training labels are not fitted.")
    assert interpolate(digits, method="1-nn").sentence.endswith("every training label is fitted.")


def test_features_that_do_not_fit_are_told(digits: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gengap.interpolate.memory.available_bytes", lambda device: 10_000)
    with pytest.raises(InputError, match=f"16 features of 300 examples need {4 * 300 * 16:,} bytes") as error:
        interpolate(digits, preprocess="conv", filters=8)
    assert "--filters" in error.value.next_step


@pytest.mark.parametrize(
    ("method", "setting", "told"),
    [
        ("pert", Setting(kernel="gaussian"), "takes no kernel"),
        ("kernel", Setting(n_trees=3), "takes no trees"),
        ("kernel", Setting(bandwidth=0.0), "bandwidth = 0"),
        ("kernel", Setting(bandwidth=float("nan")), "bandwidth = nan"),
        ("kernel", Setting(kernel="gausian"), "did you mean 'gaussian'"),
        ("random-features", Setting(kernel="linear"), "Unknown kernel 'linear'"),
        ("random-features", Setting(n_features=0), "n_features = 0"),
        ("random-features", Setting(n_features=2.5), "n_features = 2.5"),  # type: ignore[arg-type]
        ("kernel", Setting(bandwidth="1"), "bandwidth = '1'"),  # type: ignore[arg-type]
        ("kernel", Setting(kernel=3), "Unknown kernel 3"),  # type: ignore[arg-type]
        ("kernel", Setting(solver=3), "Unknown solver 3"),  # type: ignore[arg-type]
        ("kernel", Setting(seed=-1), "seed = -1"),
        ("pert", Setting(n_trees=True), "n_trees = True"),
        (3, Setting(), "Unknown method 3"),  # type: ignore[list-item]
    ],
)
def test_bad_settings_are_told(digits: Problem, method: str, setting: Setting, told: str) -> None:
    with pytest.raises(InputError, match=told):
        interpolate(digits, method=method, setting=setting)


def test_a_round_is_no_fraction(digits: Problem) -> None:
    """Numbers are written by what they are, not by the end of their name."""
    found = interpolate(digits, method="boosting", setting=Setting(n_trees=40))
    first = found.fit.details["first_round_without_training_error"]
    assert found.facts()["first round without training error"] == str(first)
    assert found.facts()["training error"] == "0.00%"


@pytest.mark.parametrize(
    ("argument", "value"), [("n", 2.5), ("n", "9"), ("n", 10**6), ("filters", 0), ("preprocess", 7)]
)
def test_bad_arguments_are_told(digits: Problem, argument: str, value: object) -> None:
    options = {"preprocess": "conv", argument: value}
    with pytest.raises(InputError, match=rf"{argument} = {value!r}|Unknown preprocessing 7|has no filters"):
        interpolate(digits, **options)  # type: ignore[arg-type]


def test_a_norm_that_rounding_hides_has_a_reason() -> None:
    x = np.linspace(0, 1, 40)[:, None]
    found = interpolate(_problem(x, (x[:, 0] > 0.5).astype(np.int64)), setting=Setting("gaussian", 0.3))
    assert found.fit.norm is None
    assert "nearly singular" in found.fit.reasons["norm"] or "no solution" in found.fit.reasons["norm"]
    assert found.facts()["condition"].startswith("at least ")


def test_repeated_examples_that_are_missed_are_counted_as_often_as_they_are_there() -> None:
    x = np.repeat(RNG.standard_normal((40, 3)), np.arange(40) % 3 + 1, axis=0)
    y = (np.abs(x[:, 0]) > 0.6).astype(np.int64)
    found = interpolate(_problem(x, y), setting=Setting("linear", 1.0))
    assert found.fit.train_error == found.fit.test_error > 0  # the same examples
    assert found.sentence.endswith(
        f"{round(len(x) * found.fit.train_error)} of {len(x)} training labels are not fitted."
    )


def test_a_bandwidth_that_is_far_too_small(digits: Problem) -> None:
    """At 1e-8 every image is alone: K = I, and the norm of n one-hot labels is the root of n."""
    found = interpolate(digits, setting=Setting(bandwidth=1e-8)).fit
    assert found.norm == pytest.approx(200**0.5, rel=1e-12)
    assert found.details["condition"] == pytest.approx(1, rel=1e-12)
    for bandwidth in (1e-12, 1e-50, 1e-200):
        with pytest.raises(InputError, match=r"features lie up to .* from their mean"):
            interpolate(digits, setting=Setting(bandwidth=bandwidth))
