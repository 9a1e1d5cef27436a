"""The named data sets: one entry each. To add one, write its reader in a file of its own and enter it here."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gengap.data.cifar import read_cifar10
from gengap.data.digits import read_digits
from gengap.data.idx import read_mnist_family
from gengap.data.problem import Preprocessing, Split

DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class NamedDataSet:
    """What is known about a data set that has a name.

    Attributes:
        name: Its name, which is also its folder's.
        title: For people.
        classes: Names in the order of the labels.
        preprocessing: The default.
        read: Reads the two splits from the data set's folder.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    read: Callable[[Path], tuple[Split, Split]]


_CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_WHITEN = Preprocessing(scale="whiten")
_ZHANG2017 = Preprocessing(crop=28, scale="whiten")

DATA_SETS = {
    entry.name: entry
    for entry in (
        NamedDataSet("digits", "Handwritten digits of scikit-learn, 8 x 8", DIGITS, _WHITEN, read_digits),
        NamedDataSet("mnist", "MNIST, 28 x 28", DIGITS, _WHITEN, read_mnist_family),
        NamedDataSet("cifar10", "CIFAR-10, 32 x 32 x 3", _CIFAR10, _ZHANG2017, read_cifar10),
    )
}
