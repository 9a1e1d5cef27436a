"""A zoo: a folder of trained networks of one data set, with ``zoo.json`` that says what they are.

```json
{
  "format": 1,
  "data": {"name": "digits", "scale": "unit", "take": [400, null]},
  "networks": [
    {"name": "n00", "model": "mlp-2x32", "weights": "n00.pt", "initial": "n00-initial.pt", "history": "n00.json",
     "hyperparameters": {"width": 32, "depth": 2}}
  ]
}
```

``data`` has the ``name`` of a named data set, or the ``path`` of a file in the folder; ``take``, ``crop``, ``scale``,
``mean`` and ``std`` are optional, as are ``initial``, ``history`` and ``dropout`` of a network: the probability with
which a named model was trained, whose layers of dropout number its weights. Every network has the same hyperparameters.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gengap.data import Problem, load, read_json
from gengap.errors import InputError, listed

FILE, FORMAT = "zoo.json", 1
Value = str | float | int | bool


class Data(BaseModel):
    """What the networks were trained on, and are tested on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = None
    path: str | None = None
    take: tuple[Annotated[int, Field(ge=1)] | None, Annotated[int, Field(ge=1)] | None] = (None, None)
    crop: int | None = None
    scale: str | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "Data":
        if (self.name is None) == (self.path is None):
            raise ValueError("has either a name or a path")
        return self


class Entry(BaseModel):
    """A network: model's name or factory, files, hyperparameters, and a named model's probability of dropout."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    model: str
    weights: str
    initial: str | None = None
    history: str | None = None
    hyperparameters: dict[str, Value]
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0


class Document(BaseModel):
    """What ``zoo.json`` holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int
    data: Data
    networks: Annotated[list[Entry], Field(min_length=2)]


@dataclass(frozen=True, eq=False)
class Zoo:
    """Trained networks of one data set.

    Attributes:
        folder: Where they are.
        problem: Their data.
        entries: The networks.
        hyperparameters: Names of what was varied, of two values at least.
    """

    folder: Path
    problem: Problem
    entries: tuple[Entry, ...]
    hyperparameters: tuple[str, ...]

    def file(self, name: str) -> Path:
        """The path of one of its files.

        Raises:
            InputError: It is outside the folder.
        """
        return inside(self.folder, name)


def inside(folder: Path, name: str) -> Path:
    """A file of a folder, by the name that ``zoo.json`` gives.

    Raises:
        InputError: The name leads out of the folder.
    """
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{FILE} names {name!r}, which is outside {folder}.", expected="files of the zoo's own folder")
    return path


def read_zoo(folder: str | Path) -> Zoo:
    """The zoo in a folder; no network is built yet.

    Raises:
        InputError: No ``zoo.json``, one that says something else, or data that cannot be read.
    """
    place = Path(folder)
    if not (place / FILE).is_file():
        raise InputError(
            f"{place} holds no {FILE}.",
            expected="a folder of networks",
            next_step=f"gengap pgdl make {place} makes a small one",
        )
    document = _document(place / FILE)
    names = [set(entry.hyperparameters) for entry in document.networks]
    if any(name != names[0] for name in names):
        odd = next(e.name for e in document.networks if set(e.hyperparameters) != names[0])
        raise InputError(f"{odd} has other hyperparameters than {document.networks[0].name}.", expected="the same")
    first = document.networks[0].hyperparameters
    varied = tuple(h for h in first if len({entry.hyperparameters[h] for entry in document.networks}) > 1)
    if not varied:
        raise InputError(
            f"No hyperparameter of {place} varies: {listed(list(first))}.", expected="one of two values at least"
        )
    return Zoo(place, _problem(place, document.data), tuple(document.networks), varied)


def _document(path: Path) -> Document:
    raw = read_json(path, "a zoo's description")
    if isinstance(raw, dict) and raw.get("format", FORMAT) != FORMAT:
        raise InputError(f"{path} has format {raw['format']!r}.", expected=f"format {FORMAT}")
    try:
        return Document.model_validate(raw)
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, e['loc'])) or 'the whole'}: {e['msg']}" for e in error.errors()]
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise InputError(
            f"{path}: {'; '.join(wrong[:3])}{more}.", expected="what gengap pgdl make writes; see docs/zoo.md"
        ) from None


def _problem(folder: Path, data: Data) -> Problem:
    options: dict[str, Any] = {
        name: value for name in ("crop", "scale", "mean", "std") if (value := getattr(data, name)) is not None
    }
    source = data.name if data.path is None else inside(folder, data.path)
    return load(str(source), **options).take(*data.take)
