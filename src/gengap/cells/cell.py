"""Cell: Problem x corruption x Recipe x seed, and the key under which its row is stored."""

import hashlib
import platform
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar

import torch

from gengap import __version__, models
from gengap.data import Problem
from gengap.keys import job_key
from gengap.seeds import stream
from gengap.store import Row
from gengap.sweep import isolated
from gengap.train import OUTCOME, Recipe

T = TypeVar("T")

# Goes up when a change to training or to rows makes stored rows mean something else.
FORMAT = 1


@dataclass(frozen=True)
class Cell:
    """One training: a Recipe on a Problem, corrupted at a level, with a seed.

    Attributes:
        problem: The Problem before the corruption.
        recipe: How to train.
        seed: Spawns separate streams for corruption, initialisation, order and augmentation.
        corruption: Name of a corruption, or ``"none"``.
        level: Its level.
    """

    problem: Problem
    recipe: Recipe
    seed: int = 0
    corruption: str = "none"
    level: float = 0.0

    @cached_property
    def key(self) -> str:
        """The cell's identity: 32 hexadecimal digits."""
        parts: list[object] = [
            FORMAT,
            self.problem.hash,
            self.corruption,
            float(self.level),
            self.recipe.hash,
            self.seed,
        ]
        if (code := models.fingerprint(self.recipe.model)) is not None:
            parts += [code, _network(self, code)[1]]  # the second hash catches changes in files that the first imports
        return job_key(*parts)

    @property
    def title(self) -> str:
        """For people."""
        what = "true labels" if self.corruption == "none" else f"{self.corruption} {self.level:g}"
        return f"{self.recipe.model} · {self.problem.name} · {what} · seed {self.seed}"

    def sample(self) -> Problem:
        """One example of each split as the cell trains on it, which shows the form of its inputs for little work."""
        return corrupted(self.problem.take(1, 1), self.corruption, self.level, self.seed)

    def columns(self) -> Row:
        """What is known of the row before the cell has run; what is not known yet is None."""
        return {
            **dict.fromkeys(OUTCOME),
            "history": [],
            "problem": self.problem.name,
            "problem_hash": self.problem.hash,
            "corruption": self.corruption,
            "level": float(self.level),
            "seed": self.seed,
            "model": self.recipe.model,
            "recipe": self.recipe.model_dump_json(),
            "recipe_hash": self.recipe.hash,
            "n_train": len(self.problem.train),
            "n_test": len(self.problem.test),
            "n_classes": self.problem.n_classes,
            "parameters": _network(self, models.fingerprint(self.recipe.model))[0],
            "gengap": __version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "commit": commit(),
        }


def corrupted(problem: Problem, corruption: str, level: float, seed: int) -> Problem:
    """The Problem that a cell trains on: corrupted with the corruption stream of the cell's seed."""
    if corruption == "none":
        return problem
    return problem.corrupt(corruption, level=level, seed=stream(seed, "corruption"))


def _network(cell: Cell, code: str | None) -> tuple[int, str]:
    """How many parameters the network has, and a hash of its parts, which files beside that of ``code`` may make."""
    problem, recipe = cell.problem, cell.recipe
    return _built(recipe.model, code, problem.input_shape, problem.n_classes, recipe.dropout, problem.vocabulary)


@cache
def _built(
    model: str, code: str | None, input_shape: tuple[int, ...], n_classes: int, dropout: float, vocabulary: int | None
) -> tuple[int, str]:
    count, parts = careful(model, _parts, model, input_shape, n_classes, dropout, vocabulary)
    return count, parts


def _parts(
    model: str, input_shape: tuple[int, ...], n_classes: int, dropout: float, vocabulary: int | None
) -> tuple[int, str]:
    with torch.random.fork_rng(devices=[]):
        network = models.build(model, input_shape, n_classes, dropout=dropout, vocabulary=vocabulary)
    shapes = [(name, tuple(value.shape)) for name, value in (*network.named_parameters(), *network.named_buffers())]
    parts = re.sub("0x[0-9a-f]+", "", repr(network)) + repr(shapes)  # without addresses
    return models.count_parameters(network), hashlib.blake2b(parts.encode(), digest_size=8).hexdigest()


def careful(model: str, function: Callable[..., T], *arguments: Any) -> T:
    """What a function of a network returns, called in another process where the network is the user's.

    Raises:
        InputError: What the network did instead, e.g. end its process.
    """
    if models.fingerprint(model) is None:
        return function(*arguments)
    return isolated(model, function, *arguments)


def reason_to_stay(model: str) -> str:
    """Why a network can be trained in this process only; empty where workers can build it too."""
    if ":" in model and models.fingerprint(model) is None:
        return f"the network {model} stands in no file that another process can import"
    return ""


@cache
def commit() -> str | None:
    """The git commit of the code, with ``+`` when it has uncommitted changes; None outside a checkout."""
    here = Path(__file__).parent
    try:
        command = ["git", "-C", str(here), "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
        described = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
        tracked = ["git", "-C", str(here), "ls-files", "--error-unmatch", __file__]
        subprocess.run(tracked, capture_output=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip()
