"""Reads a folder of images: ``train/CLASS/*.png`` and ``test/CLASS/*.png``."""

import hashlib
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gengap.data.arrays import from_arrays
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
from gengap.data.shards import VERSION, Content, Report, has_shards, open_shards, shards_root, with_step, write_shards
from gengap.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".tif", ".tiff"}
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "PPM", "TIFF")
MOST_PIXELS = 25_000_000  # of one image: while it is decoded it takes some 9 bytes for each
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
    RGB (C = 3); transparency is dropped. Every image's header is read before the first is decoded.

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
    files = {"train": _files(folder / "train"), "test": _files(folder / (held_out or "test"))}
    own = _id(folder, files, resize, crop)
    cached = shards_root() / own
    if has_shards(cached):
        return open_shards(cached, expected=own)
    headers = {file: _header(file) for split in files.values() for file in split}
    form = _form(folder, headers, resize, crop)
    y = {split: [file.parent.name for file in files[split]] for split in files}
    words = "" if held_out == "test" else f"the folder {held_out} taken to be the test split"
    height, width = form.size
    what = f"{folder} with {len(headers):,} images of {width} x {height} pixels"
    packed = sum(file.stat().st_size for file in headers)
    if form.nbytes * len(headers) > in_memory_limit():
        unfolded, limit = form.nbytes * len(headers), unfolded_limit(packed)
        if unfolded > limit:
            raise too_large(f"{what} would take {size_text(unfolded)} once decoded, more", limit)
        train, test, classes = encode_labels(y["train"], y["test"])
        counts = {split: len(files[split]) for split in files}
        shape, step = (form.channels, *form.size), form.step
        content = Content(own, folder.resolve().name, str(folder), classes, shape, counts, step, words)
        labels = {"train": train, "test": test}
        write_shards(cached, content, labels, lambda split, i: _pixels(files[split][i], form), report)
        return open_shards(cached, expected=own)
    check_memory(
        what, 2 * form.nbytes * len(headers), unpacked_limit(packed)
    )  # each decoded, then all of a split in one array
    x = {split: np.stack([_pixels(file, form) for file in files[split]]) for split in files}
    arrays = x["train"], y["train"], x["test"], y["test"]
    made = from_arrays(*arrays, name=folder.resolve().name, origin=str(folder), layout="channels-first")
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


def _id(folder: Path, files: Mapping[str, list[Path]], resize: int | None, crop: int | None) -> str:
    """A hash of names, sizes and times of change of the images, and of what is asked for."""
    digest = hashlib.blake2b(f"{VERSION} {resize} {crop}".encode(), digest_size=16)
    for split, paths in files.items():
        for file in paths:
            status = file.stat()
            digest.update(
                f"{split} {file.relative_to(folder)} {status.st_size} {status.st_mtime_ns}\n".encode(
                    errors="surrogateescape"
                )
            )
    return digest.hexdigest()


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
    from PIL import Image

    check_file(file, "an image")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # there is a lower limit here
        with _opened(file) as image:
            if image.mode.startswith(("I", "F")):
                raise InputError(f"{file} has more than 8 bits for each value.", expected="8-bit images")
            return _Header(image.size, image.mode in ("1", "L", "LA"))


def _form(folder: Path, headers: Mapping[Path, _Header], resize: int | None, crop: int | None) -> _Form:
    """What the images become.

    Raises:
        InputError: Their sizes differ, and neither a size nor a crop is given.
    """
    channels = 1 if all(header.grey for header in headers.values()) else 3
    if resize is not None:
        return _Form(channels, (resize, resize), resize)
    first = next(iter(headers))
    width, height = headers[first].size
    other = next((file for file, header in headers.items() if header.size != (width, height)), None)
    if other is None:
        return _Form(channels, (height, width), None)
    if crop is not None:
        return _Form(channels, (crop, crop), None, cut=True)
    raise InputError(
        f"{other} has {headers[other].size[0]} x {headers[other].size[1]} pixels, {first} {width} x {height}.",
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
