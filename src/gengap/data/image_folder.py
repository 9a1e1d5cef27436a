"""Reads a folder of images: ``train/CLASS/*.png`` and ``test/CLASS/*.png``."""

import hashlib
import stat
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gengap.data.arrays import from_arrays
from gengap.data.image_files import ImageFiles
from gengap.data.labels import encode_labels
from gengap.data.limits import (
    check_file,
    check_memory,
    out_of_memory_refused,
    size_text,
    too_large,
    unfolded_limit,
    unpacked_limit,
)
from gengap.data.problem import Problem
from gengap.data.rows import in_memory_limit
from gengap.data.shards import VERSION, Content, Report, open_shards, shards_root, with_step, write_shards
from gengap.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "PPM", "TIFF")
MOST_PIXELS = 25_000_000  # of one image: while it is decoded it takes some 9 bytes for each
_LOOKED_INTO = 64  # images of each split, at most, evenly spread
HELD_OUT = (
    "test",
    "val",
    "valid",
    "validation",
)  # what people call the folder of the second split, the first goes first


def has_image_folders(folder: Path) -> bool:
    """Whether ``train`` and ``test`` (or ``val``, ``valid``, ``validation``) are folders in it."""
    return (folder / "train").is_dir() and _held_out(folder) is not None


def read_image_folder(
    folder: Path, *, resize: int | None = None, crop: int | None = None, report: Report | None = None
) -> Problem:
    """The Problem in ``folder/train/CLASS/IMAGE`` and ``folder/test/CLASS/IMAGE``, uint8 ``[N, C, H, W]``.

    Classes are the names of the folders, in alphabetical order. Images are grey (C = 1) where all of them are, else
    RGB (C = 3); transparency is dropped, and tags of orientation are not followed, as in
    torchvision. Every image's header is read before the first is decoded.

    Images of one size stay as they are. Others are resized, bilinearly and with antialiasing, until their shorter side
    is ``resize``, of which the centre square is kept; or only cut to their centre square of side ``crop``.

    What takes more than ``rows.in_memory_limit()`` bytes is decoded once, into shards in ``shards.shards_root()``,
    from which rows are then read; see ``gengap.data.shards``.

    Args:
        folder: Holds ``train``, and ``test`` or ``val``.
        resize: Length of the shorter side in pixels; None leaves images as they are.
        crop: Side of the square that is cut from images of different sizes.
        report: Called with images done, all images and a text.

    Raises:
        InputError: No images, sizes that differ without resize or crop, an image that is unreadable, too large or
            smaller than the crop, fewer than two classes, no room for shards, or shards of other images.
    """
    held_out = _held_out(folder)
    files = {"train": ImageFiles(folder / "train"), "test": ImageFiles(folder / (held_out or "test"))}
    own, packed = _id_and_bytes(folder, files, resize, crop)
    cached = shards_root() / own
    if cached.is_dir():
        return open_shards(cached, expected=own)
    form = _form(chain(*files.values()), resize, crop)
    labels, classes = _labels(files)
    counts = {split: len(files[split]) for split in files}
    n = sum(counts.values())
    words = "" if held_out == "test" else f"the folder {held_out} taken to be the test split"
    height, width = form.size
    what = f"{folder} with {n:,} images of {width} x {height} pixels"
    if form.nbytes * n > in_memory_limit():
        unfolded, limit = form.nbytes * n, unfolded_limit(packed)
        if unfolded > limit:
            raise too_large(f"{what} would take {size_text(unfolded)} once decoded, more", limit)
        shape, step = (form.channels, *form.size), form.step
        content = Content(own, folder.resolve().name, str(folder), classes, shape, counts, step, words)
        write_shards(cached, content, labels, lambda split, i: _pixels(files[split][i], form), report)
        return open_shards(cached, expected=own)
    check_memory(what, 2 * form.nbytes * n, unpacked_limit(packed))  # each decoded, then all of a split in one array
    x = {split: np.stack([_pixels(file, form) for file in files[split]]) for split in files}
    arrays = x["train"], labels["train"], x["test"], labels["test"]
    name = folder.resolve().name
    made = from_arrays(*arrays, name=name, classes=classes, origin=str(folder), layout="channels-first")
    return with_step(made, form.step, words)


class _Header(NamedTuple):
    """What an image says of itself: width and height in pixels, and whether it has one channel."""

    size: tuple[int, int]
    grey: bool


@dataclass(frozen=True)
class _Form:
    """What images become: channels, height and width, and the length of the shorter side if they are resized first."""

    channels: int
    size: tuple[int, int]
    resize: int | None
    cut: bool = False

    @property
    def nbytes(self) -> int:
        """Bytes of one."""
        return self.channels * self.size[0] * self.size[1]

    @property
    def step(self) -> dict[str, Any]:
        """What was done to them, as a step of the Problem; empty where nothing was."""
        if self.resize is not None:
            return {"step": "resize", "side": self.resize}
        return {"step": "cut", "side": self.size[0]} if self.cut else {}


def _held_out(folder: Path) -> str | None:
    return next((name for name in HELD_OUT if (folder / name).is_dir()), None)


def _id_and_bytes(
    folder: Path, files: Mapping[str, ImageFiles], resize: int | None, crop: int | None
) -> tuple[str, int]:
    """A hash that tells data sets apart, and the bytes of all images.

    It is one of names, sizes and times of change, of the content of some images, since uncompressed ones of two data
    sets may agree in all of these where an archive or a copy gave them one time, and of what is asked for.
    """
    digest, total = hashlib.blake2b(f"{VERSION} {resize} {crop}".encode(), digest_size=16), 0
    for split, paths in files.items():
        looked_into = set(np.linspace(0, len(paths) - 1, _LOOKED_INTO, dtype=int).tolist())
        for number, file in enumerate(paths):
            status = file.stat()
            total += status.st_size
            digest.update(
                f"{split} {file.relative_to(folder)} {status.st_size} {status.st_mtime_ns}\n".encode(
                    errors="surrogateescape"
                )
            )
            if number in looked_into and stat.S_ISREG(status.st_mode):
                digest.update(_beginning(file))
    return digest.hexdigest(), total


def _beginning(file: Path) -> bytes:
    """The first MiB of a file; empty where it cannot be read, which is refused when its header is."""
    try:
        with file.open("rb") as stream:
            return stream.read(2**20)
    except OSError:
        return b""


def _labels(files: Mapping[str, ImageFiles]) -> tuple[dict[str, NDArray[np.int64]], tuple[str, ...]]:
    """Class indices of each split, and the names of the classes."""
    train, test, classes = encode_labels(files["train"].classes, files["test"].classes)
    indices = {"train": train, "test": test}
    return {split: np.repeat(indices[split], files[split].counts) for split in files}, classes


def _header(file: Path) -> _Header:
    from PIL import Image

    check_file(file, "an image")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # there is a lower limit here
        with _opened(file) as image:
            if image.mode.startswith(("I", "F")):
                raise InputError(f"{file} has more than 8 bits for each value.", expected="8-bit images")
            return _Header(image.size, image.mode in ("1", "L", "LA"))


def _form(files: Iterable[Path], resize: int | None, crop: int | None) -> _Form:
    """What the images become, of which each one's header is read.

    Raises:
        InputError: Their sizes differ, and neither a size nor a crop is given.
    """
    sizes: dict[tuple[int, int], Path] = {}  # the first image of each of the first two sizes
    grey = True
    for file in files:
        header = _header(file)
        grey = grey and header.grey
        if len(sizes) < 2:
            sizes.setdefault(header.size, file)
    channels = 1 if grey else 3
    if resize is not None:
        return _Form(channels, (resize, resize), resize)
    (width, height), first = next(iter(sizes.items()))
    if len(sizes) == 1:
        return _Form(channels, (height, width), None)
    if crop is not None:
        return _Form(channels, (crop, crop), None, cut=True)
    other_size, other = list(sizes.items())[1]
    raise InputError(
        f"{other} has {other_size[0]} x {other_size[1]} pixels, {first} {width} x {height}.",
        expected="images of one size",
        next_step="have them resized, e.g. --resize 64 (resize=64), or cut to their centre: --crop 64 (crop=64)",
    )


def _pixels(file: Path, form: _Form) -> NDArray[np.uint8]:
    """The image, uint8 ``[C, H, W]``."""
    from PIL import Image

    height, width = form.size
    with _opened(file) as image:
        image = image.convert("L" if form.channels == 1 else "RGB")
        if form.resize is not None:
            image = image.resize(_resized(image.size, form.resize), Image.Resampling.BILINEAR)
        left, top = (image.width - width) // 2, (image.height - height) // 2
        if left < 0 or top < 0:
            raise InputError(
                f"{file} has {image.width} x {image.height} pixels.",
                expected=f"at least {width} x {height}, to be cut to its centre",
                next_step=f"resize the images first: --resize {min(form.size)}",
            )
        pixels = np.asarray(image)[top : top + height, left : left + width]
    return pixels[None] if form.channels == 1 else pixels.transpose(2, 0, 1)


def _resized(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height with a shorter side of this length; of the longer one a fraction of a pixel is dropped.

    >>> _resized((640, 480), 64), _resized((480, 640), 64), _resized((8, 8), 64)
    ((85, 64), (64, 85), (64, 64))
    """
    shorter = min(size)
    width, height = (side * length // shorter for length in size)
    return width, height


@contextmanager
def _opened(file: Path) -> "Iterator[Image.Image]":
    """The image, of a format of pixels alone: a file with another content may start another program (EPS).

    Raises:
        InputError: It has too many pixels, or whatever goes wrong while it is read.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with out_of_memory_refused(str(file)), Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise InputError(
                    f"{file} has {image.width:,} x {image.height:,} pixels.",
                    expected=f"at most {MOST_PIXELS:,} pixels",
                    next_step="resize the images first",
                )
            yield image
    except InputError:
        raise
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{file} is no readable image: {error}.", expected="a complete image file") from error
