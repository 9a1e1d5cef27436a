"""The named data sets: one entry each. To add one, write its reader in a file of its own and enter it here."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gengap.data.cifar import read_published_cifar
from gengap.data.class_names import CIFAR10, CIFAR100, DIGITS, FASHION, KUZUSHIJI
from gengap.data.digits import read_digits
from gengap.data.idx import read_mnist_family
from gengap.data.problem import Problem
from gengap.data.split import Preprocessing, Split
from gengap.errors import unknown

Reader = Callable[[Path], tuple[Split, Split]]


@dataclass(frozen=True)
class PublishedFile:
    """A file to download: its name, and the MD5 checksum that its publishers give."""

    name: str
    md5: str


@dataclass(frozen=True)
class NamedDataSet:
    """A data set that gengap knows by name.

    Attributes:
        name: Its name, also that of its folder.
        title: Description shown to users.
        classes: Names in the order of the labels.
        preprocessing: Applied by default to inputs on their way into a model.
        read: Reads the two splits from the data set's folder; raises FileNotFoundError where they are not.
        url: Where the files are published; empty for what needs no download.
        files: What is published there.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    read: Reader
    url: str = ""
    files: tuple[PublishedFile, ...] = ()


def named_data_set(name: str) -> NamedDataSet:
    """The data set with this name.

    Raises:
        InputError: An unknown name; the message suggests the nearest ones.
    """
    if name not in DATA_SETS:
        raise unknown("data set", name, DATA_SETS)
    return DATA_SETS[name]


def data_set_of(problem: Problem) -> NamedDataSet | None:
    """The named data set that a Problem comes from, also in part or corrupted; None for any other data."""
    return next((entry for entry in DATA_SETS.values() if entry.title == problem.origin), None)


_WHITEN = Preprocessing(scale="whiten")
_ZHANG2017 = Preprocessing(crop=28, scale="whiten")  # arXiv:1611.03530, Appendix A


def _mnist_family(name: str, title: str, classes: tuple[str, ...], url: str, md5: tuple[str, ...]) -> NamedDataSet:
    names = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
    files = tuple(PublishedFile(f"{file}.gz", checksum) for file, checksum in zip(names, md5, strict=True))
    return NamedDataSet(name, title, classes, _WHITEN, read_mnist_family, url, files)


def _cifar(name: str, title: str, classes: tuple[str, ...], sources: tuple[str, ...], md5: str) -> NamedDataSet:
    """``sources``: the binary version's folder and archive, then the python version's; the binary one is fetched."""
    read = partial(read_published_cifar, sources=sources, n_classes=len(classes))
    url = "https://www.cs.toronto.edu/~kriz/"
    return NamedDataSet(name, title, classes, _ZHANG2017, read, url, (PublishedFile(sources[1], md5),))


DATA_SETS = {
    entry.name: entry
    for entry in (
        NamedDataSet("digits", "Digits of scikit-learn: 1,297 + 500, 8 x 8 grey", DIGITS, _WHITEN, read_digits),
        _mnist_family(
            "mnist",
            "MNIST: 60,000 + 10,000, 28 x 28 grey",
            DIGITS,
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            (
                "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                "d53e105ee54ea40749a09fcbcd1e9432",
                "9fb629c4189551a2d022fa330f9573f3",
                "ec29112dd5afa0611ce80d1b7f02629c",
            ),
        ),
        _mnist_family(
            "fashion-mnist",
            "Fashion-MNIST: 60,000 + 10,000, 28 x 28 grey",
            FASHION,
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            (
                "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "25c81989df183df01b3e8a0aad5dffbe",
                "bef4ecab320f06d8554ea6380940ec79",
                "bb300cfdad3c16e7a12a480ee83cd310",
            ),
        ),
        _mnist_family(
            "kmnist",
            "Kuzushiji-MNIST: 60,000 + 10,000, 28 x 28 grey",
            KUZUSHIJI,
            "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
            (
                "bdb82020997e1d708af4cf47b453dcf7",
                "e144d726b3acfaa3e44228e80efcd344",
                "5c965bf0a639b31b8f53240b1b52f4d7",
                "7320c461ea6c1c855c0b718fb2a4b134",
            ),
        ),
        _cifar(
            "cifar10",
            "CIFAR-10: 50,000 + 10,000, 32 x 32 colour",
            CIFAR10,
            ("cifar-10-batches-bin", "cifar-10-binary.tar.gz", "cifar-10-batches-py", "cifar-10-python.tar.gz"),
            "c32a1d4ab5d03f1284b67883e8d87530",
        ),
        _cifar(
            "cifar100",
            "CIFAR-100, fine labels: 50,000 + 10,000, 32 x 32 colour",
            CIFAR100,
            ("cifar-100-binary", "cifar-100-binary.tar.gz", "cifar-100-python", "cifar-100-python.tar.gz"),
            "03b5dce01913d631647c71ecec9e9cb8",
        ),
    )
}
