from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from gengap.data import CorruptedDataset, corruption_names, find_corruption, from_datasets
from gengap.errors import InputError

NAMES = [name for name in corruption_names() if getattr(find_corruption(name), "inputs", "numbers") == "numbers"]
CLASSES = ("a", "b", "c")


def images(n: int, seed: int = 0) -> TensorDataset:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(0, 256, (n, 3, 4, 4), generator=generator, dtype=torch.uint8)
    return TensorDataset(x, torch.arange(n) % 3)


TRAIN, TEST = images(30), images(20, seed=1)
PROBLEM = from_datasets(TRAIN, TEST, classes=CLASSES)


@pytest.mark.parametrize(
    ("name", "level"), [("labels", 0.4), *((name, level) for name in NAMES for level in (0.0, 1.0))]
)
def test_items_are_those_of_the_corrupted_problem(name: str, level: float) -> None:
    lazy = CorruptedDataset(TRAIN, name, level=level, seed=3, classes=CLASSES)
    eager = PROBLEM.corrupt(name, level=level, seed=3)
    assert len(lazy) == len(TRAIN)
    for index in (7, 0, 29):
        x, y = lazy[index]
        assert isinstance(x, torch.Tensor)
        np.testing.assert_array_equal(x.numpy(), eager.train.x[index])
        assert int(y) == eager.train.y[index]


@pytest.mark.parametrize("name", NAMES)
def test_the_test_split_has_its_own_draws_and_the_training_sets_moments(name: str) -> None:
    lazy = CorruptedDataset(TEST, name, seed=3, classes=CLASSES, split="test", train=TRAIN)
    eager = PROBLEM.corrupt(name, seed=3, test=True)
    np.testing.assert_array_equal(np.stack([x for x, _ in lazy]), eager.test.x)  # type: ignore[attr-defined]
    assert [int(y) for _, y in lazy] == eager.test.y.tolist()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["labels", "random-pixels"])
def test_a_data_loader_with_workers_sees_the_same_items(name: str) -> None:
    lazy = CorruptedDataset(TRAIN, name, seed=1, classes=CLASSES)
    loaded = [(x, y) for x, y in DataLoader(lazy, batch_size=8, num_workers=2)]
    x, y = torch.cat([x for x, _ in loaded]), torch.cat([y for _, y in loaded])
    eager = PROBLEM.corrupt(name, seed=1)
    np.testing.assert_array_equal(x.numpy(), eager.train.x)
    assert y.tolist() == eager.train.y.tolist()


class Counting:
    """Counts how often each item is asked for."""

    classes = CLASSES

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> tuple[np.ndarray[Any, Any], str]:
        self.asked.append(index)
        return np.full(4, index, np.float32), CLASSES[index % 3]


def test_nothing_is_read_before_it_is_asked_for_and_names_become_indices() -> None:
    dataset = Counting()
    clean = CorruptedDataset(dataset, "labels", level=0.0)
    assert dataset.asked == []
    assert [clean[index][1] for index in (0, 1, -1)] == [0, 1, 1]
    assert dataset.asked == [0, 1, 4]
    with pytest.raises(IndexError):
        clean[5]


class Pictures:
    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> tuple[str, int]:
        return "no array", 0


BAD: dict[str, tuple[Callable[[], Any], str]] = {
    "unknown": (lambda: CorruptedDataset(TRAIN, "label"), "Unknown corruption"),
    "level": (lambda: CorruptedDataset(TRAIN, "labels", level=2, classes=3), "level 2 is out of range"),
    "seed": (lambda: CorruptedDataset(TRAIN, "labels", seed=-1, classes=3), "seed = -1"),
    "classes": (lambda: CorruptedDataset(TRAIN, "labels"), "How many classes TensorDataset has is not said"),
    "no array": (lambda: CorruptedDataset(Pictures(), "random-pixels")[0], "Input 0 of Pictures is a str"),
    "no pair": (lambda: from_datasets(TensorDataset(torch.zeros(3, 1)), TEST), "Item 0 of TensorDataset is a tuple"),
    "iterable": (lambda: from_datasets(iter([]), TEST), "is no map-style dataset"),
    "empty": (lambda: from_datasets([], TEST), "The training dataset is empty"),
    "ragged": (
        lambda: from_datasets([(np.zeros(2), 0), (np.zeros(3), 1)], TEST),
        r"inputs 0 and 1 have shapes \(2,\) and \(3,\)",
    ),
}


@pytest.mark.parametrize(("make", "message"), BAD.values(), ids=BAD.keys())
def test_bad_datasets_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        make()
    assert len(str(raised.value).splitlines()) <= 3


def test_a_problem_from_datasets_keeps_inputs_labels_and_names() -> None:
    named = from_datasets(Counting(), Counting())
    assert named.classes == CLASSES
    assert named.train.y.tolist() == [0, 1, 2, 0, 1]
    np.testing.assert_array_equal(PROBLEM.train.x, TRAIN.tensors[0].numpy())
    assert PROBLEM.preprocessing.scale == "whiten"
