"""What a model sees is what the NumPy reference says, and augmentation only moves pixels."""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from gengap.data import Preprocessing, preprocess
from gengap.network.inputs import batch_rows, batches, centre_crop, scaled, tensor_of
from gengap.probes import critical_samples, gradient_norms, path_features, path_kernel
from gengap.train.augmentation import random_crop, random_flip


@pytest.mark.parametrize("scale", ["whiten", "unit", "signed", "none"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_scaled_equals_the_reference(scale: str, dtype: type) -> None:
    x = np.random.default_rng(0).integers(0, 256, (5, 3, 8, 8)).astype(dtype)
    x[0] = 7  # a blank image: its deviation is below the floor
    ours = scaled(torch.from_numpy(x), Preprocessing(scale=scale), torch.float64)
    np.testing.assert_allclose(ours.numpy(), preprocess(x, Preprocessing(scale=scale)), rtol=1e-5, atol=1e-5)


def test_whitened_images_have_mean_zero_and_variance_one_each() -> None:
    x = torch.randint(0, 256, (2, 5, 3, 8, 8), dtype=torch.uint8)
    values = scaled(x, Preprocessing(scale="whiten"), torch.float64).flatten(-3)
    assert values.mean(-1).abs().max() < 1e-12
    assert (values.var(-1, correction=0) - 1).abs().max() < 1e-12


def test_whitening_by_hand() -> None:
    x = torch.tensor([[0, 0, 255, 255]], dtype=torch.uint8)
    assert scaled(x, Preprocessing(scale="whiten"), torch.float64).tolist() == [[-1, -1, 1, 1]]


def test_centre_crop_keeps_the_middle() -> None:
    x = torch.arange(36).reshape(1, 1, 6, 6)
    assert centre_crop(x, 2).flatten().tolist() == [14, 15, 20, 21]
    assert centre_crop(x, None) is x


def test_random_crops_are_windows_of_their_image_at_every_place() -> None:
    height, side = 6, 4
    x = torch.arange(200 * 2 * height * height).reshape(200, 2, height, height)
    crops = random_crop(x, side, torch.Generator().manual_seed(0))
    places = set()
    for image, crop in zip(x, crops, strict=True):
        top, left = divmod(int(crop[0, 0, 0] - image[0, 0, 0]), height)
        assert torch.equal(crop, image[:, top : top + side, left : left + side])
        places.add((top, left))
    assert len(places) == (height - side + 1) ** 2


def test_random_flip_mirrors_about_half() -> None:
    x = torch.arange(400 * 6).reshape(400, 1, 2, 3)
    flipped = random_flip(x, torch.Generator().manual_seed(0))
    mirrored = [torch.equal(new, old.flip(-1)) for new, old in zip(flipped, x, strict=True)]
    same = [torch.equal(new, old) for new, old in zip(flipped, x, strict=True)]
    assert all(a != b for a, b in zip(mirrored, same, strict=True))
    assert 150 < sum(mirrored) < 250


@pytest.mark.parametrize("size", [1, 2, 3, 64])
def test_batches_take_every_row_once_and_leave_none_alone(size: int) -> None:
    for n in range(200):
        rows = batch_rows(n, size)
        assert [row for part in rows for row in range(n)[part]] == list(range(n))
        lengths = [part.stop - part.start for part in rows]
        assert all(length <= size + (size > 1) for length in lengths)
        if n > 1 and size > 1:
            assert min(lengths) > 1


def test_a_pair_of_tensors_comes_whole_in_batches() -> None:
    x, y = torch.arange(40.0).reshape(20, 2), torch.arange(20)
    found = list(batches((x, y), torch.nn.Linear(2, 2), size=6))
    assert [len(labels) for _, labels in found] == [6, 6, 6, 2]
    assert torch.equal(torch.cat([inputs for inputs, _ in found]), x)
    assert torch.equal(torch.cat([labels for _, labels in found]), y)


@pytest.fixture
def every_warning() -> Iterator[None]:
    """Warnings that PyTorch gives once in a process come each time, and are errors."""
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    torch.set_warn_always(before)


READERS: dict[str, Callable[[nn.Module, Any, Any], object]] = {
    "batches of a pair": lambda model, x, y: list(batches((x, y), model)),
    "batches": lambda model, x, y: list(batches([(x, y)], model)),
    "gradient_norms": gradient_norms,
    "critical_samples": lambda model, x, y: critical_samples(model, x, radius=0.1, steps=2),
    "path_kernel": lambda model, x, y: path_kernel(model, x, x),
    "path_features": lambda model, x, y: path_features(model, x),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.usefixtures("every_warning")
def test_read_only_arrays_are_read_without_a_warning_and_stay_as_they_are(name: str) -> None:
    x, y = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3), np.array([0, 1, 1, 0])
    before = x.copy(), y.copy()
    x.flags.writeable = y.flags.writeable = False
    torch.manual_seed(0)
    READERS[name](nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), x, y)
    for now, then in zip((x, y), before, strict=True):
        assert not now.flags.writeable
        np.testing.assert_array_equal(now, then)


@pytest.mark.usefixtures("every_warning")
def test_a_tensor_of_a_read_only_array_has_memory_of_its_own() -> None:
    free, fixed = np.zeros(3), np.zeros(3)
    fixed.flags.writeable = False
    for array in (free, fixed):
        tensor_of(array).add_(1)
    assert (free.tolist(), fixed.tolist()) == ([1.0] * 3, [0.0] * 3)
    given = torch.zeros(3)
    assert tensor_of(given) is given
    assert tensor_of([1, 2]).tolist() == [1, 2]


@pytest.mark.usefixtures("every_warning")
def test_a_tensor_of_an_array_that_it_cannot_stand_for_has_its_values() -> None:
    array = np.arange(6.0).reshape(2, 3)
    for other in (array[::-1], array[:, ::-1], array.astype(">f8"), np.arange(6, dtype=">i4")):
        np.testing.assert_array_equal(tensor_of(other).numpy(), other)


@pytest.mark.usefixtures("every_warning")
def test_a_memory_map_is_copied_batch_by_batch(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(24, dtype=np.float32).reshape(12, 2))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    model = nn.Linear(2, 2)
    batched = list(batches((mapped, np.arange(12)), model, size=5))
    assert [len(x) for x, _ in batched] == [5, 5, 2]
    assert all(x.untyped_storage().nbytes() <= 5 * 2 * 4 for x, _ in batched)
    np.testing.assert_array_equal(torch.cat([x for x, _ in batched]).numpy(), mapped)
