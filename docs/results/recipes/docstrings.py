"""Documentation of scikit-learn as tokens, labelled by module: ``python docs/results/recipes/docstrings.py FILE.npz``.

Docstrings of public functions, classes and methods of eight modules, each cut into pieces of 32 words. A docstring is
wholly in the training or in the test split. Words are lower case; the vocabulary is of the training split, 0 is a
word that it lacks, 1 the padding of a last piece.
"""

import importlib
import inspect
import re
import sys
from collections import Counter
from collections.abc import Iterator

import numpy as np

MODULES = (
    "cluster",
    "datasets",
    "decomposition",
    "ensemble",
    "linear_model",
    "metrics",
    "model_selection",
    "preprocessing",
)
LENGTH, VOCABULARY = 32, 2_000
UNKNOWN, PADDING, WORDS = 0, 1, 2
TEST = 0.25


def docstrings(module: str) -> Iterator[str]:
    """Those of a module's public names, each once, without names of the module itself, which would give it away."""
    package, seen = importlib.import_module(f"sklearn.{module}"), set()
    for name in sorted(vars(package).keys() & set(package.__all__)):  # those that are experimental are not there
        thing = getattr(package, name)
        members = (
            [thing, *(getattr(thing, m) for m in sorted(vars(thing)) if m[0] != "_")]
            if inspect.isclass(thing)
            else [thing]
        )
        for member in members:
            text = inspect.getdoc(member) if callable(member) else None
            if text and text not in seen:
                seen.add(text)
                yield text.replace(f"sklearn.{module}", "").replace(module, "")


def main(path: str) -> None:
    """Writes the data set."""
    rng = np.random.default_rng(0)
    pieces: dict[bool, list[tuple[list[str], int]]] = {False: [], True: []}
    for label, module in enumerate(MODULES):
        for text in docstrings(module):
            words = re.findall(r"[a-z_]+|[0-9]+|[^\sa-z0-9_]", text.lower())
            test = bool(rng.random() < TEST)
            pieces[test] += [(words[i : i + LENGTH], label) for i in range(0, len(words), LENGTH)]
    counts = Counter(word for words, _ in pieces[False] for word in words)
    known = {word: WORDS + i for i, (word, _) in enumerate(counts.most_common(VOCABULARY - WORDS))}
    arrays = {}
    for test, name in ((False, "train"), (True, "test")):
        x = np.full((len(pieces[test]), LENGTH), PADDING, np.int32)
        for row, (words, _) in zip(x, pieces[test], strict=True):
            row[: len(words)] = [known.get(word, UNKNOWN) for word in words]
        order = rng.permutation(len(x))
        y = np.array([MODULES[label] for _, label in pieces[test]])
        arrays |= {f"x_{name}": x[order], f"y_{name}": y[order], f"mask_{name}": (x[order] != PADDING).astype(np.int8)}
    np.savez_compressed(path, vocabulary=VOCABULARY, **arrays)
    print({name: a.shape for name, a in arrays.items()})


if __name__ == "__main__":
    main(sys.argv[1])
