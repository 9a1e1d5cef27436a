"""Reads a folder of images: ``train/CLASS/*.png`` and ``test/CLASS/*.png``."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.data.arrays import from_arrays
from gengap.data.problem import Problem
from gengap.errors import InputError

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".tif", ".tiff"}


def has_image_folders(folder: Path) -> bool:
    """Whether ``train`` and ``test`` are folders in it."""
    return (folder / "train").is_dir() and (folder / "test").is_dir()


def read_image_folder(folder: Path) -> Problem:
    """The Problem in ``folder/train/CLASS/IMAGE`` and ``folder/test/CLASS/IMAGE``, uint8 ``[N, C, H, W]``.

    Classes are the names of the folders, in alphabetical order. Images are grey (C = 1) where all of them are, else
    RGB (C = 3); transparency is dropped. All must have one size.

    Raises:
        InputError: No images, sizes that differ, an unreadable image, fewer than two classes.
    """
    x_train, y_train = _read_split(folder / "train")
    x_test, y_test = _read_split(folder / "test")
    channels = max(image.shape[0] for image in (*x_train, *x_test))
    x = [np.stack([np.broadcast_to(i, (channels, *i.shape[1:])) for i in images]) for images in (x_train, x_test)]
    return from_arrays(x[0], y_train, x[1], y_test, name=folder.resolve().name, origin=str(folder))


def _read_split(folder: Path) -> tuple[list[NDArray[np.uint8]], list[str]]:
    kinds = [kind for kind in sorted(folder.iterdir()) if kind.is_dir() and not kind.name.startswith(".")]
    images_of = {kind: [file for file in sorted(kind.iterdir()) if file.suffix.lower() in SUFFIXES] for kind in kinds}
    files = [file for own in images_of.values() for file in own]
    nested = [kind for kind, own in images_of.items() if not own and any(file.is_dir() for file in kind.iterdir())]
    if nested:
        raise InputError(
            f"{nested[0]} holds folders instead of images.",
            expected="images in each class's own folder, not in folders below it",
            next_step="move them up, or take the folder away",
        )
    if not files:
        raise InputError(f"{folder} holds no images.", expected=f"{folder}/CLASS/IMAGE.png for each class")
    images = [_read(file) for file in files]
    for file, image in zip(files, images, strict=True):
        if image.shape[1:] != images[0].shape[1:]:
            raise InputError(
                f"{file} has {_size(image)} pixels, {files[0]} {_size(images[0])}.",
                expected="images of one size",
                next_step="resize them first",
            )
    return images, [file.parent.name for file in files]


def _size(image: NDArray[Any]) -> str:
    return f"{image.shape[2]} x {image.shape[1]}"


def _read(file: Path) -> NDArray[Any]:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as image:
            if image.mode.startswith(("I", "F")):
                raise InputError(f"{file} has more than 8 bits for each value.", expected="8-bit images")
            pixels = np.asarray(image.convert("L" if image.mode in ("1", "L", "LA") else "RGB"))
    except InputError:
        raise
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{file} is no readable image: {error}.", expected="a complete image file") from error
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
