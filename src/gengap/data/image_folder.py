"""Reads a folder of images: ``train/CLASS/*.png`` and ``test/CLASS/*.png``."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gengap.data.arrays import from_arrays
from gengap.data.limits import check_file, check_memory, out_of_memory_refused, unpacked_limit
from gengap.data.problem import Problem
from gengap.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".tif", ".tiff"}
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "PPM", "TIFF")
MOST_PIXELS = 25_000_000  # of one image: while it is decoded it takes some 9 bytes for each


def has_image_folders(folder: Path) -> bool:
    """Whether ``train`` and ``test`` are folders in it."""
    return (folder / "train").is_dir() and (folder / "test").is_dir()


def read_image_folder(folder: Path) -> Problem:
    """The Problem in ``folder/train/CLASS/IMAGE`` and ``folder/test/CLASS/IMAGE``, uint8 ``[N, C, H, W]``.

    Classes are the names of the folders, in alphabetical order. Images are grey (C = 1) where all of them are, else
    RGB (C = 3); transparency is dropped. All must have one size. Every image's header is read, and all of them are
    seen to fit into memory, before the first is decoded.

    Raises:
        InputError: No images, sizes that differ, an image that is unreadable or too large, fewer than two classes.
    """
    files = {split: _files(folder / split) for split in ("train", "test")}
    headers = {file: _header(file) for split in files.values() for file in split}
    _check_sizes(folder, headers)
    channels = 1 if all(header.grey for header in headers.values()) else 3
    x = {split: np.stack([_pixels(file, channels) for file in files[split]]) for split in files}
    y = {split: [file.parent.name for file in files[split]] for split in files}
    name = folder.resolve().name
    arrays = x["train"], y["train"], x["test"], y["test"]
    return from_arrays(*arrays, name=name, origin=str(folder), layout="channels-first")


class _Header(NamedTuple):
    """What an image says of itself: width and height in pixels, and whether it has one channel."""

    size: tuple[int, int]
    grey: bool


def _files(folder: Path) -> list[Path]:
    """The images of a split, class by class."""
    kinds = [kind for kind in sorted(folder.iterdir()) if kind.is_dir() and not kind.name.startswith(".")]
    images_of = {kind: [file for file in sorted(kind.iterdir()) if file.suffix.lower() in SUFFIXES] for kind in kinds}
    nested = [kind for kind, images in images_of.items() if not images and any(f.is_dir() for f in kind.iterdir())]
    if nested:
        raise InputError(
            f"{nested[0]} holds folders instead of images.",
            expected="images in the folder of each class, not in folders below it",
            next_step="move them up, or take the folder away",
        )
    files = [file for images in images_of.values() for file in images]
    if not files:
        raise InputError(f"{folder} holds no images.", expected=f"{folder}/CLASS/IMAGE.png for each class")
    return files


def _header(file: Path) -> _Header:
    check_file(file, "an image")
    with _opened(file) as image:
        if image.mode.startswith(("I", "F")):
            raise InputError(f"{file} has more than 8 bits for each value.", expected="8-bit images")
        if image.width * image.height > MOST_PIXELS:
            raise InputError(
                f"{file} has {image.width:,} x {image.height:,} pixels.",
                expected=f"at most {MOST_PIXELS:,} pixels",
                next_step="resize the images first",
            )
        return _Header(image.size, image.mode in ("1", "L", "LA"))


def _check_sizes(folder: Path, headers: Mapping[Path, _Header]) -> None:
    first = next(iter(headers))
    width, height = headers[first].size
    for file, header in headers.items():
        if header.size != (width, height):
            raise InputError(
                f"{file} has {header.size[0]} x {header.size[1]} pixels, {first} {width} x {height}.",
                expected="images of one size",
                next_step="resize them first",
            )
    channels = 1 if all(header.grey for header in headers.values()) else 3
    largest = 2 * len(headers) * width * height * channels  # each decoded, then all of a split in one array
    limit = unpacked_limit(sum(file.stat().st_size for file in headers))
    check_memory(f"{folder} with {len(headers):,} images of {width} x {height} pixels", largest, limit)


def _pixels(file: Path, channels: int) -> NDArray[np.uint8]:
    """The image, uint8 ``[C, H, W]``."""
    with _opened(file) as image:
        pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


@contextmanager
def _opened(file: Path) -> "Iterator[Image.Image]":
    """The image, of a format of pixels alone: a file with another content may start another program (EPS).

    Raises:
        InputError: Whatever goes wrong while it is read.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with out_of_memory_refused(str(file)), warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # there is a lower limit here
            with Image.open(file, formats=FORMATS) as image:
                yield image
    except InputError:
        raise
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{file} is no readable image: {error}.", expected="a complete image file") from error
