"""ImageNet (ILSVRC 2012) as Table 2 needs it: its folders, decoded once into shards, checked for being whole."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from gengap.errors import InputError

if TYPE_CHECKING:
    from gengap.data import Problem

CLASSES = 1_000
IMAGES = {"train": 1_281_167, "val": 50_000}
RESIZE, CROP = 342, 299  # the centre 7/8 of an image is what TensorFlow's package evaluates: 299 = 7/8 of 342
STUDY = "gengap study run zhang2017/table2 --scale paper"


def imagenet(*, progress: bool = True) -> "Problem":
    """The Problem of ``GENGAP_DATA/imagenet``: images of 342 x 342 bytes, seen in their centre 299 x 299 from -1 to 1.

    The first call decodes them into shards; see ``gengap.data.shards``.

    Args:
        progress: Whether to say on stderr how far that is.

    Raises:
        InputError: They are not there, or not all of them.
    """
    from gengap.data import data_root, load

    folder = data_root() / "imagenet"
    missing = [split for split in IMAGES if not (folder / split).is_dir()]
    if missing:
        size = sum(IMAGES.values()) * 3 * RESIZE**2 / 2**30
        raise InputError(
            f"ImageNet is not in {folder}: there is no folder {' and no folder '.join(missing)}.",
            expected=f"ILSVRC 2012: {IMAGES['train']:,} images as {folder}/train/CLASS/NAME.JPEG, e.g. "
            f"train/n01440764/n01440764_18.JPEG, and {IMAGES['val']:,} as {folder}/val/CLASS/NAME.JPEG",
            next_step="ask for them at https://www.image-net.org, unpack them there or set GENGAP_DATA to the folder "
            f"that holds imagenet, leave {size:,.0f} GiB for decoded images where GENGAP_SHARDS says, then {STUDY}",
        )
    problem = load(folder, resize=RESIZE, crop=CROP, scale="signed", report=_progress() if progress else None)
    found = {"train": len(problem.train), "val": len(problem.test)}
    if found != IMAGES or problem.n_classes != CLASSES:
        raise InputError(
            f"{folder} holds {found['train']:,} training and {found['val']:,} validation images of "
            f"{problem.n_classes:,} classes.",
            expected=f"{IMAGES['train']:,} and {IMAGES['val']:,} of {CLASSES:,}, those of the paper's numbers",
            next_step="unpack what is missing; a part of them is for gengap randomize",
        )
    return problem


def _progress(every: int = 10_000) -> Callable[[int, int, str], None]:
    """Says a line each time that so many more images are done."""
    from gengap.terminal import say

    said = 0

    def report(done: int, total: int, text: str) -> None:
        nonlocal said
        if done // every > said:
            said = done // every
            say(f"{text}: {done:,} of {total:,}", err=True)

    return report
