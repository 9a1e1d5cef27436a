"""What a network is fed: mean and standard deviation, the layout of images, and what is said of both."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gengap.data import Preprocessing, Problem, from_arrays, from_datasets, load, open_problem, preprocess, save_problem
from gengap.errors import InputError
from gengap.network.inputs import scaled

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (6, 3, 5, 4), dtype=np.uint8)
Y = np.arange(6) % 2


def made_up(x: NDArray[np.generic] = IMAGES, **options: object) -> Problem:
    return from_arrays(x, Y, x[:2], Y[:2], **options)


@pytest.mark.parametrize("scale", ["unit", "signed", "none"])
@pytest.mark.parametrize("table", [False, True])
def test_mean_and_deviation_are_those_of_each_channel(scale: str, table: bool) -> None:
    """Naive: every value by itself."""
    x = IMAGES.reshape(6, -1)[:, :3] if table else IMAGES
    mean, std = (0.4, 0.5, 0.6), (0.1, 0.2, 0.3)
    declared = Preprocessing(None, scale, mean, std)
    expected = np.empty(x.shape)
    for place in np.ndindex(x.shape):
        pixel = float(x[place])
        value = {"unit": pixel / 255, "signed": 2 * pixel / 255 - 1, "none": pixel}[scale]
        expected[place] = (value - mean[place[1]]) / std[place[1]]
    np.testing.assert_allclose(
        scaled(torch.from_numpy(x), declared, torch.float64).numpy(), expected, rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(preprocess(x, declared), expected, rtol=1e-4, atol=1e-4)  # float32, up to 2,500
    replicas = scaled(torch.from_numpy(x).expand(2, *x.shape), declared, torch.float64)
    np.testing.assert_array_equal(replicas[1].numpy(), scaled(torch.from_numpy(x), declared, torch.float64).numpy())


def test_hashes_without_a_mean_are_what_they_were() -> None:
    assert repr(Preprocessing(28, "whiten")) == "Preprocessing(crop=28, scale='whiten')"
    plain = made_up().preprocess(scale="unit")
    assert plain.hash == made_up().preprocess(scale="unit").hash
    assert plain.hash != made_up().preprocess(scale="unit", mean=[0.5]).hash


def test_a_saved_problem_is_fed_alike(tmp_path: Path) -> None:
    problem = made_up(IMAGES.transpose(0, 2, 3, 1)).preprocess(scale="unit", mean=[0.5], std=[0.1, 0.2, 0.3])
    save_problem(problem, tmp_path)
    opened = open_problem(tmp_path)
    assert (opened.preprocessing, opened.layout, opened.hash) == (problem.preprocessing, problem.layout, problem.hash)


def test_corrupted_pixels_keep_mean_and_deviation() -> None:
    problem = made_up().preprocess(crop=3, scale="unit", mean=[0.5], std=[0.25])
    corrupted = problem.corrupt("shuffled-pixels", seed=1)
    assert corrupted.preprocessing == Preprocessing(None, "unit", (0.5,), (0.25,))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": "unit", "mean": [0.1, 0.2]}, "mean of 2 numbers for inputs of 3 channels"),
        ({"scale": "unit", "std": [0.1, 0.0, 1.0]}, "std above 0"),
        ({"scale": "unit", "mean": [np.nan]}, "finite"),
        ({"scale": "whiten", "mean": [0.5]}, "beside whitening"),
    ],
)
def test_moments_that_cannot_be_used_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        made_up().preprocess(**options)


def test_what_is_seen_is_said() -> None:
    assert made_up().seen_as == "pixels from 0 to 255, each image whitened"
    assert made_up().preprocess(crop=3, scale="unit").seen_as == "the centre 3 x 3 pixels divided by 255"
    assert made_up().preprocess(scale="signed").seen_as == "pixels mapped on to -1 to 1"
    assert made_up(IMAGES.astype(np.float32)).seen_as == "pixels as stored"
    assert made_up(IMAGES.reshape(6, -1).astype(float)).seen_as == "values as stored"
    standard = made_up().preprocess(scale="unit", mean=[0.49, 0.48, 0.45], std=[0.25])
    assert standard.seen_as == "pixels divided by 255, minus (0.49, 0.48, 0.45), over 0.25"


@pytest.mark.parametrize("shape", [(6, 4, 4, 3), (6, 8, 8, 2), (6, 2, 8, 8)])
def test_channels_of_doubtful_images_are_said_to_be_the_first_axis(shape: tuple[int, ...]) -> None:
    images = np.zeros(shape, np.uint8)
    assert made_up(images).train.x.shape == shape
    assert f"channels taken to be the first axis, which has {shape[1]}" in made_up(images).seen_as
    assert "taken to be" not in made_up(images, layout="channels-first").seen_as


def test_a_guess_of_the_layout_is_said_and_can_be_settled() -> None:
    last = IMAGES.transpose(0, 2, 3, 1)
    guessed, told = made_up(last), made_up(last, layout="channels-last")
    assert "channels taken to be the last axis, since it has 3" in guessed.seen_as
    assert told.seen_as == made_up().seen_as
    np.testing.assert_array_equal(guessed.train.x, told.train.x)
    assert guessed.hash == told.hash
    assert made_up(last, layout="channels-first").train.x.shape == (6, 5, 4, 3)
    with pytest.raises(InputError, match="layout"):
        made_up(last, layout="NHWC")
    with pytest.raises(InputError, match="three axes"):
        made_up(last.reshape(6, -1), layout="channels-last")


@pytest.mark.parametrize("shape", [(2, 5, 3), (3, 5, 3), (5, 4, 4)])
def test_channels_of_tensors_come_first(shape: tuple[int, ...]) -> None:
    x, y = torch.zeros(4, *shape), torch.arange(4) % 2
    rows = list(zip(x, y.tolist(), strict=True))
    assert from_datasets(rows, rows).train.x.shape == (4, *shape)
    assert from_arrays(x, y, x, y).train.x.shape == (4, *shape)
    assert from_datasets(rows, rows, layout="channels-last").train.x.shape == (4, shape[2], *shape[:2])


def test_load_takes_them_all(tmp_path: Path) -> None:
    last = IMAGES.transpose(0, 2, 3, 1)
    np.savez(tmp_path / "d.npz", x_train=last, y_train=Y, x_test=last, y_test=Y)
    problem = load(tmp_path / "d.npz", mean=[0.5], layout="channels-last")
    assert problem.preprocessing == Preprocessing(None, "unit", (0.5,), None)  # a mean is of values in [0, 1]
    assert load("digits", std=[0.3], scale="none").preprocessing == Preprocessing(None, "none", None, (0.3,))
    (tmp_path / "d.csv").write_text("a,label\n1,x\n2,y\n" * 6)
    with pytest.raises(InputError, match="layout"):
        load(tmp_path / "d.csv", layout="channels-last")
