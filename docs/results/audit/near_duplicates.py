"""How many near-duplicates the rule of ``gengap audit`` finds, and how many it calls by chance.

``python docs/results/audit/near_duplicates.py OUT CIFAIR``, with the list of near-duplicates of CIFAR-10 that Barz and
Denzler 2020 made by hand (github.com/cvjena/cifair, meta/duplicates_cifar10.csv; not shipped). Writes ``known.csv``,
``planted.csv`` and ``unlisted.png``, the pairs of CIFAR-10 that are called and not listed.
"""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

import gengap
from gengap.probes import Nearest, image_detail, nearest
from gengap.tasks.audit.duplicates import DETAIL, RATIO

PLANTED, SHOWN = 300, 40
KINDS = {0: "exact", 1: "near-duplicate", 2: "very similar"}  # the list's judgements
RULES: dict[str, Callable[[Nearest], np.ndarray]] = {
    f"detail {DETAIL:g}, ratio {RATIO:g}": lambda found: found.stands_out(DETAIL, RATIO),
    f"detail {DETAIL:g} alone": lambda found: found.similarity >= DETAIL,
    f"ratio {RATIO:g} alone": lambda found: found.stands_out(-1.0, RATIO),
}
PIXELS = {"pixels 0.99": 0.99, "pixels 0.95": 0.95}  # the cosine of pixels less the mean image, for comparison


def changes(random: np.random.Generator) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Name -> images ``[N, C, H, W]`` of bytes, changed as copies are."""
    return {
        "noise, sd 8 of 255": lambda x: clipped(x + random.normal(0, 8, x.shape)),
        "noise, sd 16": lambda x: clipped(x + random.normal(0, 16, x.shape)),
        "contrast x 1.2, brightness + 10": lambda x: clipped(1.2 * x + 10),
        "JPEG, quality 75": lambda x: np.stack([compressed(image, 75) for image in x]),
        "JPEG, quality 30": lambda x: np.stack([compressed(image, 30) for image in x]),
        "a border of 1 pixel cropped, resized": lambda x: np.stack([zoomed(image) for image in x]),
        "shifted by 1 pixel": lambda x: np.roll(x, 1, -1),
        "shifted by 2 pixels": lambda x: np.roll(x, 2, -1),
        "mirrored": lambda x: x[..., ::-1],
    }


def clipped(x: np.ndarray) -> np.ndarray:
    """As bytes."""
    return np.clip(x, 0, 255).round().astype(np.uint8)


def picture(image: np.ndarray) -> Image.Image:
    """Of ``[C, H, W]``."""
    return Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0))


def array(image: Image.Image) -> np.ndarray:
    """The reverse."""
    values = np.array(image)
    return values[None] if values.ndim == 2 else values.transpose(2, 0, 1)


def compressed(image: np.ndarray, quality: int) -> np.ndarray:
    """After a round through JPEG."""
    buffer = io.BytesIO()
    picture(image).save(buffer, "JPEG", quality=quality)
    return array(Image.open(buffer))


def zoomed(image: np.ndarray) -> np.ndarray:
    """Enlarged by two pixels a side, the border cut off."""
    side = image.shape[-1]
    return array(
        picture(image).resize((side + 2, side + 2), Image.Resampling.BILINEAR).crop((1, 1, side + 1, side + 1))
    )


def main(out: Path, listed: Path) -> None:
    """Measures on MNIST, whose writers are disjoint between the splits, and on CIFAR-10."""
    out.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    known, planted = [], []
    for name in ("mnist", "cifar10"):
        problem = gengap.load(name)
        train, test = problem.train.x, problem.test.x
        detail = image_detail(train)
        found = nearest(image_detail(test), detail)
        called = {rule: judge(found) for rule, judge in RULES.items()}
        pixels = nearest(test, train).similarity
        called |= {rule: pixels >= least for rule, least in PIXELS.items()}
        kinds = np.full(len(test), "not listed", dtype=object)
        if name == "cifar10":
            pairs = pd.read_csv(listed)
            kinds[pairs["TestID"]] = pairs["Judgment"].map(KINDS)
            show(
                out / "unlisted.png",
                test,
                train,
                found,
                np.flatnonzero(called[next(iter(RULES))] & (kinds == "not listed")),
            )
        for rule, calls in called.items():
            for kind in np.unique(kinds.astype(str)):
                of = kinds == kind
                known.append(
                    {"data": name, "rule": rule, "test examples": kind, "n": of.sum(), "called": calls[of].sum()}
                )
        rows = random.choice(len(train), PLANTED, replace=False)
        for change, changed in changes(random).items():
            copies = nearest(image_detail(changed(train[rows])), detail)
            hits = copies.stands_out(DETAIL, RATIO) & (copies.row == rows)
            planted.append({"data": name, "change": change, "n": PLANTED, "found": hits.sum()})
    pd.DataFrame(known).to_csv(out / "known.csv", index=False)
    pd.DataFrame(planted).to_csv(out / "planted.csv", index=False)


def show(path: Path, test: np.ndarray, train: np.ndarray, found: Nearest, rows: np.ndarray) -> None:
    """Pairs side by side, the most similar first, eight to a row."""
    order = rows[np.argsort(-found.similarity[rows])][:SHOWN]
    order = order[: len(order) // 8 * 8]
    pairs = [np.pad(np.concatenate([test[i], train[found.row[i]]], 2), ((0, 0), (2, 2), (2, 2))) for i in order]
    sheet = np.concatenate([np.concatenate(pairs[k : k + 8], 2) for k in range(0, len(pairs), 8)], 1)
    image = picture(sheet)
    image.resize((image.width * 2, image.height * 2), Image.Resampling.NEAREST).save(path, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
