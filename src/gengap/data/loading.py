"""``load``: a Problem from a data set's name or from a path."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from gengap.arguments import shown, whole_number
from gengap.data.arrays import Layout, from_arrays
from gengap.data.cifar import has_cifar_layout, read_cifar
from gengap.data.content import STANDARD_INPUT
from gengap.data.features import Ordinal
from gengap.data.frame import TABLES
from gengap.data.idx import has_idx_files, read_idx_folder
from gengap.data.image_folder import has_image_folders, read_image_folder
from gengap.data.limits import out_of_memory_refused, where_instead
from gengap.data.location import data_root
from gengap.data.npy import has_arrays, read_npy_folder
from gengap.data.npz import read_npz
from gengap.data.problem import Problem
from gengap.data.registry import DATA_SETS, NamedDataSet, named_data_set
from gengap.data.shards import Report, has_shards, open_shards
from gengap.data.split import Preprocessing, Scale
from gengap.data.table import read_table
from gengap.errors import InputError

Default = Literal["default"]
HELD_OUT = "held out"  # the step of a Problem without a training split
LARGEST_SIDE = 5000  # pixels to which an image is resized
ARCHIVES = (".tar", ".tar.gz", ".tgz")


def load(
    name: str | Path,
    *,
    data_dir: str | Path | None = None,
    crop: int | Default | None = "default",
    scale: Scale | Default = "default",
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    layout: Layout | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    standardise: bool = False,
    ordinal: Ordinal | None = None,
    vocabulary: int | None = None,
    held_out: bool = False,
    resize: int | None = None,
    report: Report | None = None,
) -> Problem:
    """The Problem of a named data set or of the data at a path.

    Named: ``digits`` (embedded), ``mnist``, ``fashion-mnist``, ``kmnist``, ``cifar10``, ``cifar100``. A path may be
    an ``.npz`` with ``x_train, y_train, x_test, y_test`` (for tokens also ``mask_train, mask_test`` and
    ``vocabulary``), a folder of such arrays (``x_train.npy`` and the like), of idx files, of shards (see
    ``gengap.data.shards``), a folder of images ``train/CLASS/*.png`` and ``test/CLASS/*.png`` (or ``val``), a folder or
    archive in CIFAR's binary or python layout, or a table: CSV, TSV, JSON, JSON lines (these also compressed) or
    Parquet; ``-`` is a table on standard input. What is read into memory may take no more of it than
    half of what is free, or than ``GENGAP_MEMORY_LIMIT``.

    By default a model sees CIFAR (and data in its layout) cropped to the centre 28 x 28 and whitened, as
    in Zhang et al. 2017; other images of bytes whitened; anything else as it is.

    Args:
        name: A data set's name, or a path; a name goes first.
        data_dir: The folder that holds one folder for each named data set; by default ``GENGAP_DATA``, else the cache.
        crop: Side of the centre crop in pixels; None for none. Images of a folder that differ in size are cut to it.
        scale: ``"whiten"``, ``"unit"``, ``"signed"`` or ``"none"``; see ``Preprocessing``. Beside a mean or std the
            default is ``"unit"``.
        mean: Taken from the scaled values: one number, or one for each channel or column.
        std: What they are then divided by, likewise.
        layout: Of images in an ``.npz``, ``"channels-first"`` or ``"channels-last"``; None guesses.
        label_column: A table's column of labels.
        split_column: A table's column that says ``train`` or ``test``.
        standardise: Whether a table's numbers get mean 0 and variance 1 in the training split; its categories and
            missing values become numbers in any case, see ``problem.steps``.
        ordinal: A table's columns whose categories have an order, which become one column of numbers each, in place of
            a column of 0 and 1 for each category: ``{"size": ["small", "medium", "large"]}``; an empty list takes the
            order of the alphabet.
        resize: Of a folder of images: length of the shorter side in pixels, of which the centre square is kept.
        report: Called with images done, all images and a text, while a folder of images is decoded into shards.
        vocabulary: Number of different tokens in an ``.npz`` whose inputs are tokens ``[N, T]``; None takes the file's.
        held_out: Whether an ``.npz`` (``x_test, y_test``) or a table holds test examples alone. They stand for both
            splits then, which ``is_held_out`` tells of a Problem: its training split was never trained on.

    Raises:
        InputError: An unknown name, absent or damaged data, or what ``Problem`` refuses.
    """
    if not isinstance(name, str | os.PathLike):
        raise InputError(f"The data are {shown(name)}.", expected="a data set's name, or a path")
    path = Path(os.path.expanduser(name))  # unlike Path.expanduser, leaves a user that is not known alone
    asked = _Asked(label_column, split_column, standardise, ordinal, layout, vocabulary, resize, crop, report)
    asked.check(name, path)
    if held_out:
        return _held_out(path, asked).preprocess(
            crop=None if crop == "default" else crop,
            scale=("none" if mean is None and std is None else "unit") if scale == "default" else scale,
            mean=mean,
            std=std,
        )
    if str(name) not in DATA_SETS and _is_path(path):
        problem = _read_path_or_refuse(path, asked)
    else:
        problem = _read_named(named_data_set(str(name)), data_root(data_dir))
    declared = problem.preprocessing
    if (crop, scale, mean, std) == ("default", "default", None, None):
        return problem
    if scale == "default":
        scale = declared.scale if mean is None and std is None else "unit"
    return problem.preprocess(crop=declared.crop if crop == "default" else crop, scale=scale, mean=mean, std=std)


def is_held_out(problem: Problem) -> bool:
    """Whether a Problem has no training split: it was loaded with ``held_out``."""
    return any(step["step"] == HELD_OUT for step in problem.steps)


def _held_out(path: Path, asked: "_Asked") -> Problem:
    try:
        with out_of_memory_refused(str(path)):
            if path.suffix.lower() == ".npz":
                made = read_npz(path, asked.layout, asked.vocabulary, held_out=True)
            elif path.name.lower().endswith(TABLES):
                made = read_table(
                    path,
                    label_column=asked.label_column,
                    split_column=None,
                    standardise=asked.standardise,
                    ordinal=asked.ordinal,
                    held_out=True,
                )
            else:
                raise InputError(
                    f"{path} cannot be read as test examples alone.",
                    expected="an .npz with x_test and y_test, or a table with a column of labels",
                )
    except OSError as error:
        raise InputError(f"Cannot read {error.filename or path}: {error.strerror}.") from error
    return replace(made, steps=(*made.steps, {"step": HELD_OUT}), parent_hash=made.hash)


@dataclass(frozen=True)
class _Asked:
    """What readers are asked for, each by its own options; see ``load``."""

    label_column: str | None
    split_column: str | None
    standardise: bool
    ordinal: Ordinal | None
    layout: Layout | None
    vocabulary: int | None
    resize: int | None
    crop: int | Default | None
    report: Report | None

    def check(self, name: str | os.PathLike[str], path: Path) -> None:
        """Raises InputError where an option is for data of another kind."""
        named = str(name) in DATA_SETS or not _is_path(path)
        table = not named and (str(path) == STANDARD_INPUT or path.name.lower().endswith(TABLES))
        arrays = not named and (path.suffix.lower() == ".npz" or has_arrays(path))
        if self.layout is not None and not arrays:
            raise InputError(
                f"{name} has no other layout than its own.", expected="--layout with an .npz or .npy alone"
            )
        if self.vocabulary is not None and not arrays:
            raise InputError(f"{name} holds no tokens.", expected="--vocabulary with an .npz or .npy alone")
        if self.resize is not None:
            whole_number(
                self.resize, "resize", most=LARGEST_SIDE, next_step="give the length of the shorter side in pixels"
            )
            if named or not (path.is_dir() and has_image_folders(path)):
                raise InputError(
                    f"{name} is no folder of images.", expected="--resize with train/CLASS/*.png and the like"
                )
        if self.standardise and not table:
            raise InputError(
                f"{name} has no columns to standardise.",
                expected="--standardise with a table alone",
                next_step="use --scale",
            )
        if self.ordinal and not table:
            raise InputError(f"{name} has no columns of categories.", expected="--ordinal with a table alone")
        if not (named or table or (self.label_column, self.split_column) == (None, None)):
            raise InputError(f"{path} has no columns.", expected="--label-column and --split-column with a table alone")


def _read_named(entry: NamedDataSet, root: Path) -> Problem:
    fetch = f"gengap data fetch {entry.name}"
    try:
        train, test = entry.read(root / entry.name)
        return Problem(entry.name, train, test, entry.classes, entry.title, entry.preprocessing)
    except FileNotFoundError as error:
        raise InputError(
            f"{entry.name} is not in {root / entry.name}: there is no {Path(error.filename).name}.",
            expected=f"its files in a folder {entry.name}, in the folder that GENGAP_DATA or --data-dir names",
            next_step=f"{fetch}, or set GENGAP_DATA to the folder that holds {entry.name}",
        ) from error
    except OSError as error:
        raise InputError(
            f"Cannot read {error.filename}: {error.strerror}.", next_step="check its permissions"
        ) from error
    except InputError as error:
        if error.next_step:
            raise
        next_step = f"remove the file, then {fetch} --data-dir {root}"
        raise InputError(error.what, expected=error.expected, next_step=next_step) from error


def _is_path(path: Path) -> bool:
    known = path.name.lower().endswith((".npz", *TABLES, *ARCHIVES))
    return str(path) == STANDARD_INPUT or path.exists() or len(path.parts) > 1 or known


def _read_path_or_refuse(path: Path, asked: _Asked) -> Problem:
    try:
        with out_of_memory_refused(str(path)):
            return _read_path(path, asked)
    except OSError as error:
        raise InputError(
            f"Cannot read {error.filename or path}: {error.strerror}.",
            next_step="check what it is, and its permissions",
        ) from error


def _read_path(path: Path, asked: _Asked) -> Problem:
    if str(path) != STANDARD_INPUT and not path.exists():
        raise InputError(
            f"There is no {path}.",
            expected=f"a file, a folder, or one of {', '.join(sorted(DATA_SETS))}",
            next_step=where_instead(path),
        )
    if str(path) == STANDARD_INPUT or path.name.lower().endswith(TABLES):
        return read_table(
            path,
            label_column=asked.label_column,
            split_column=asked.split_column,
            standardise=asked.standardise,
            ordinal=asked.ordinal,
        )
    if path.suffix.lower() == ".npz":
        return read_npz(path, asked.layout, asked.vocabulary)
    if path.is_dir() and has_arrays(path):
        return read_npy_folder(path, asked.layout, asked.vocabulary)
    if path.is_dir() and has_shards(path):
        return open_shards(path)
    if path.is_dir() and has_idx_files(path):
        return from_arrays(*read_idx_folder(path), name=path.resolve().name, origin=str(path))
    if path.name.lower().endswith(ARCHIVES) or (path.is_dir() and has_cifar_layout(path)):
        return _read_cifar_path(path)
    if path.is_dir() and has_image_folders(path):
        crop = asked.crop if isinstance(asked.crop, int) else None
        return read_image_folder(path, resize=asked.resize, crop=crop, report=asked.report)
    raise InputError(
        f"{path} is no data that gengap reads.",
        expected=".npz, a folder of x_train.npy and the like or of idx files, CSV, JSON, Parquet, train/CLASS/ and "
        "test/CLASS/ in a folder, CIFAR's layout (folder, .tar.gz)",
        next_step="numpy.savez('mine.npz', x_train=…, y_train=…, x_test=…, y_test=…) writes data of your own",
    )


def _read_cifar_path(path: Path) -> Problem:
    data = read_cifar(path)
    n_classes = 1 + int(max(data.train.y.max(), data.test.y.max()))
    classes = data.classes or tuple(map(str, range(n_classes)))
    return Problem(
        path.resolve().name.split(".")[0], data.train, data.test, classes, str(path), Preprocessing(28, "whiten")
    )
