from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gengap.data import Preprocessing, Problem, Split, corrupt, corruption_names
from gengap.errors import InputError
from gengap.seeds import generator


def made_up(n: int = 40, shape: tuple[int, ...] = (3, 4, 4), n_classes: int = 10, **other: Any) -> Problem:
    rng = np.random.default_rng(n)
    splits = [
        Split(rng.integers(0, 256, (count, *shape), np.uint8), rng.integers(0, n_classes, count))
        for count in (n, n // 2)
    ]
    return Problem("made-up", splits[0], splits[1], tuple(map(str, range(n_classes))), **other)


P = made_up()
LARGE = made_up(20_000, shape=(2,))
PIXELS = ["gaussian", "random-pixels", "shuffled-pixels"]
OF_TOKENS = ["random-positions", "random-tokens", "shuffled-positions"]


def of_tokens() -> Problem:
    rng = np.random.default_rng(0)
    tokens = [rng.integers(0, 30, (count, 12)) for count in (40, 20)]
    masks = [np.arange(12) < rng.integers(1, 13, (len(x), 1)) for x in tokens]
    y = [rng.integers(0, 10, len(x)) for x in tokens]
    x = [np.stack(pair, axis=1) for pair in zip(tokens, masks, strict=True)]
    classes = tuple(map(str, range(10)))
    return Problem("tokens", Split(x[0], y[0]), Split(x[1], y[1]), classes, vocabulary=30)


T = of_tokens()


def test_the_papers_corruptions_are_there() -> None:
    assert set(corruption_names()) >= {"labels", "random-labels", *PIXELS, *OF_TOKENS}


@pytest.mark.parametrize("name", corruption_names())
def test_a_corruption_is_a_pure_function_of_problem_and_seed(name: str) -> None:
    data = T if name in OF_TOKENS else P
    before = data.hash
    one, same, other = (corrupt(data, name, seed=seed) for seed in (3, 3, 4))
    assert data.hash == before
    assert one.hash == same.hash != other.hash
    for a, b in ((one.train, same.train), (one.test, same.test)):
        np.testing.assert_array_equal(a.x, b.x)
        np.testing.assert_array_equal(a.y, b.y)
    assert (one.train.x != other.train.x).any() or (one.train.y != other.train.y).any()
    assert one.steps[-1] == {"step": name, "level": 1.0, "seed": 3, "test": False}


@pytest.mark.parametrize("name", corruption_names())
def test_test_labels_are_left_alone_and_level_0_changes_nothing(name: str) -> None:
    data = T if name in OF_TOKENS else P
    np.testing.assert_array_equal(corrupt(data, name).test.y, data.test.y)
    none = corrupt(data, name, level=0, test=True)
    for a, b in ((none.train, data.train), (none.test, data.test)):
        np.testing.assert_array_equal(a.x, b.x)
        np.testing.assert_array_equal(a.y, b.y)


@given(seed=st.integers(0, 10**9), level=st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_labels_agree_with_their_naive_twin(seed: int, level: float) -> None:
    u = generator(seed, "labels", "train", "chosen").random(len(P.train))
    r = generator(seed, "labels", "train", "replacement").integers(0, 10, len(P.train))
    expected = [r[i] if u[i] < level else y for i, y in enumerate(P.train.y)]
    assert P.corrupt("labels", level=level, seed=seed).train.y.tolist() == expected


@given(seed=st.integers(0, 10**9), low=st.floats(0, 1), high=st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_corruption_is_nested_with_the_same_replacements(seed: int, low: float, high: float) -> None:
    low, high = sorted((low, high))
    y, y_low, y_high, y_all = (P.corrupt("labels", level=level, seed=seed).train.y for level in (0, low, high, 1))
    changed = y_low != y
    np.testing.assert_array_equal(y_high[changed], y_low[changed])
    np.testing.assert_array_equal(y_all[changed], y_low[changed])


@pytest.mark.parametrize("level", [0.2, 0.5, 1.0])
def test_a_fraction_of_labels_is_replaced_by_uniform_classes(level: float) -> None:
    y, corrupted = LARGE.train.y, LARGE.corrupt("labels", level=level, seed=1).train.y
    n, wrong = len(y), level * 0.9  # a uniform class is the true one in a tenth of cases
    assert abs((corrupted != y).mean() - wrong) < 5 * np.sqrt(wrong * (1 - wrong) / n)
    changed = corrupted[corrupted != y]
    shift = np.bincount((changed - y[corrupted != y]) % 10, minlength=10)[1:]  # each other class as often
    assert np.abs(shift - len(changed) / 9).max() < 5 * np.sqrt(len(changed) / 9)


def test_labels_do_not_depend_on_how_many_follow() -> None:
    np.testing.assert_array_equal(
        LARGE.take(100).corrupt("labels", level=0.5).train.y, LARGE.corrupt("labels", level=0.5).train.y[:100]
    )


def test_random_labels_are_labels_at_level_1() -> None:
    np.testing.assert_array_equal(P.corrupt("random-labels", seed=5).train.y, P.corrupt("labels", seed=5).train.y)


def test_test_labels_are_corrupted_by_their_own_draws_where_asked() -> None:
    both = LARGE.corrupt("random-labels", test=True)
    assert abs((both.test.y != LARGE.test.y).mean() - 0.9) < 0.02
    n = len(LARGE.test)
    assert abs((both.test.y == both.train.y[:n]).mean() - 0.1) < 0.02


def test_shuffled_pixels_are_one_permutation_of_positions_for_every_image_and_channel() -> None:
    positions = np.broadcast_to(np.arange(16, dtype=np.uint8).reshape(4, 4), (6, 3, 4, 4))
    split = Split(positions, np.array([0, 1] * 3))
    shuffled = Problem("p", split, split, ("a", "b")).corrupt("shuffled-pixels", seed=2)
    order = shuffled.train.x[0, 0].ravel()
    assert sorted(order) == list(range(16))
    assert order.tolist() != list(range(16))
    for x in (shuffled.train.x, shuffled.test.x):
        assert (x.reshape(-1, 16) == order).all()
    expected = P.train.x.reshape(-1, 3, 16)[:, :, order].reshape(P.train.x.shape)
    np.testing.assert_array_equal(P.corrupt("shuffled-pixels", seed=2).train.x, expected)


def test_random_pixels_move_whole_pixels_by_a_permutation_of_each_images_own() -> None:
    n = 400
    positions = np.broadcast_to(np.arange(16, dtype=np.uint8).reshape(4, 4), (n, 3, 4, 4))
    split = Split(positions, np.arange(n) % 2)
    out = Problem("p", split, split, ("a", "b")).corrupt("random-pixels", seed=2)
    orders = out.train.x[:, 0].reshape(n, 16)
    assert (np.sort(orders, axis=1) == np.arange(16)).all()
    assert (out.train.x == out.train.x[:, :1]).all()
    assert len(np.unique(orders, axis=0)) == n
    assert (orders != out.test.x[:, 0].reshape(n, 16)).any()
    moved_to_first = np.bincount(orders[:, 0], minlength=16)  # uniform: 25 each, standard deviation 4.8
    assert np.abs(moved_to_first - n / 16).max() < 5 * np.sqrt(n / 16)


def test_gaussian_noise_has_the_training_sets_mean_and_variance_in_both_splits() -> None:
    noise = LARGE.corrupt("gaussian", seed=1)
    mean, deviation = LARGE.train.x.astype(float).mean(), LARGE.train.x.astype(float).std()
    for x in (noise.train.x, noise.test.x):
        assert x.dtype == np.float32
        assert abs(x.mean() - mean) < 5 * deviation / np.sqrt(x.size)
        assert abs(x.std() - deviation) < 5 * deviation / np.sqrt(2 * x.size)
    assert noise.train.x.min() < 0  # not clipped
    assert abs(np.corrcoef(noise.train.x[: len(LARGE.test)].ravel(), noise.test.x.ravel())[0, 1]) < 0.03


def test_gaussian_noise_is_scaled_as_the_bytes_would_have_been() -> None:
    stored, unit = (P.preprocess(scale=scale).corrupt("gaussian") for scale in ("none", "unit"))
    np.testing.assert_allclose(unit.train.x, stored.train.x / 255, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", PIXELS)
def test_a_declared_crop_is_cut_first(name: str) -> None:
    declared = made_up(preprocessing=Preprocessing(crop=2, scale="whiten"))
    splits = [Split(s.x[:, :, 1:3, 1:3], s.y) for s in (declared.train, declared.test)]
    cut = Problem("made-up", splits[0], splits[1], declared.classes)
    corrupted = declared.corrupt(name)
    np.testing.assert_array_equal(corrupted.train.x, cut.corrupt(name).train.x)
    assert corrupted.preprocessing == Preprocessing(crop=None, scale="whiten")
    assert corrupted.input_shape == declared.input_shape == (3, 2, 2)
    assert [step["step"] for step in corrupted.steps] == ["crop", name]


@pytest.mark.parametrize("name", ["shuffled-pixels", "random-pixels"])
def test_of_a_table_the_features_are_permuted(name: str) -> None:
    table = made_up(shape=(30,))
    out = table.corrupt(name).train.x
    np.testing.assert_array_equal(np.sort(out, axis=1), np.sort(table.train.x, axis=1))
    assert (out != table.train.x).any(axis=1).all()


BAD = {
    "unknown": (("label", 1.0, 0), "Unknown corruption 'label'"),
    "above 1": (("labels", 1.5, 0), "level 1.5 is out of range"),
    "below 0": (("labels", -0.1, 0), "level -0.1 is out of range"),
    "NaN": (("labels", float("nan"), 0), "level nan is out of range"),
    "no partial pixels": (("gaussian", 0.5, 0), "'gaussian' has no level 0.5"),
    "seed": (("labels", 0.5, -1), "seed = -1"),
}


@pytest.mark.parametrize(("arguments", "message"), BAD.values(), ids=BAD.keys())
def test_bad_corruptions_are_refused(arguments: tuple[str, float, int], message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        corrupt(P, *arguments)
    assert len(str(raised.value).splitlines()) <= 3


def test_an_unknown_corruption_is_told_its_nearest_names() -> None:
    with pytest.raises(InputError, match=r"did you mean .*'random-labels'"):
        P.corrupt("random-label")


@pytest.fixture
def two_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A corruption that draws nothing, and one that reads the moments of the training inputs."""
    from gengap.data.corruptions import registry

    monkeypatch.setattr(registry, "_REGISTERED", dict(registry._REGISTERED))
    registry.input_corruption("upside-down", random=False)(lambda x, indices, draw: x[..., ::-1, :].copy())
    registry.input_corruption("to-the-mean", moments=True)(
        lambda x, indices, draw: np.full(x.shape, draw.mean, np.float32)
    )
    registry.input_corruption("without-moments")(lambda x, indices, draw: np.full(x.shape, draw.mean, np.float32))


def test_a_corruption_that_draws_nothing_is_one_for_all_seeds(two_more: None) -> None:
    one, other = (corrupt(P, "upside-down", seed=seed) for seed in (3, 4))
    assert one.hash == other.hash
    assert one.steps[-1]["seed"] == 0
    np.testing.assert_array_equal(one.train.x, P.train.x[:, :, ::-1])


def test_moments_are_those_of_the_training_inputs_for_whoever_asks_for_them(two_more: None) -> None:
    from gengap.data import CorruptedDataset

    eager = corrupt(P, "to-the-mean")
    mean = np.float32(P.train.x.mean(dtype=np.float64) / (255 if P.preprocessing.scale in ("unit", "signed") else 1))
    assert (eager.train.x == mean).all()
    assert (eager.test.x == mean).all()
    pairs = [list(zip(split.x, split.y, strict=True)) for split in (P.test, P.train)]
    lazy = CorruptedDataset(pairs[0], "to-the-mean", classes=10, split="test", train=pairs[1])
    assert lazy[3][0] == pytest.approx(P.train.x.mean(), rel=1e-6)
    with pytest.raises(InputError, match="NaN"):
        corrupt(P, "without-moments")
