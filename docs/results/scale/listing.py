"""Memory while a folder of images is listed: ``python docs/results/scale/listing.py [FOLDER]`` prints a table.

200,000 training images in 200 classes are links to a few made-up JPEGs of 48 x 48 pixels.
"""

import os
import resource
import sys
import tempfile
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image

from gengap.data import image_folder
from gengap.data.image_files import ImageFiles

TRAIN, TEST, CLASSES, LINKS = 200_000, 1_000, 200, 50_000  # links to one file, of which file systems allow some 65,000


def made(root: Path) -> None:
    """Writes the images."""
    rng = np.random.default_rng(0)
    number = 0
    for split, count in (("train", TRAIN), ("test", TEST)):
        kinds = [root / split / f"n{kind:08d}" for kind in range(CLASSES)]
        for kind in kinds:
            kind.mkdir(parents=True)
        for i in range(count):
            if number % LINKS == 0:
                source = root / f"source{number}.jpg"
                Image.fromarray(rng.integers(0, 256, (48, 48, 3), dtype=np.uint8)).save(source)
            kind = kinds[i % CLASSES]
            os.link(source, kind / f"{kind.name}_{i}.JPEG")
            number += 1


def peak() -> int:
    """The most bytes that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(where: str | None = None) -> None:
    """Lists, hashes and reads headers, with the bytes a file after each."""
    with tempfile.TemporaryDirectory(dir=where) as folder:
        root = Path(folder)
        made(root)
        before = peak()
        files = {split: ImageFiles(root / split) for split in ("train", "test")}
        print(f"names: {(peak() - before) / (TRAIN + TEST):.0f} bytes a file")
        image_folder._id_and_bytes(root, files, 8, None)
        print(f"and the hash: {(peak() - before) / (TRAIN + TEST):.0f}")
        image_folder._form(chain(*files.values()), 8, None)
        print(f"and every header: {(peak() - before) / (TRAIN + TEST):.0f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
