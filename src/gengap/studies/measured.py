"""What all studies that train no Recipe have in common: from configurations to stored rows."""

import json
from collections.abc import Callable, Hashable, Sequence
from dataclasses import asdict
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from gengap.studies.study import Row

if TYPE_CHECKING:
    from gengap.cells import Options
    from gengap.sweep import Work

FORMAT = 1  # of the rows; another one measures everything anew


def measured(
    study: str,
    configs: Sequence[Any],
    columns: Sequence[str],
    work: "Work",
    options: "Options",
    *,
    together: Callable[[Any], Hashable] = lambda config: config,
) -> list[Row]:
    """One row for each configuration, measured unless it is stored: its fields, ``status``, ``reason``, the columns.

    A configuration without a row has status ``missing``. Columns that a row lacks are None.

    Args:
        study: The study's name; with a configuration's fields it makes the key of its row.
        configs: Frozen dataclasses of what JSON can hold.
        columns: What is measured.
        work: ``work(configs, context)``, a function of a module, gives one row for each of some configurations.
        options: How it is run: one configuration, or those that go together, after the other unless workers are given.
        together: Configurations for which this is equal are given to ``work`` at once, so that they share their work.
    """
    from gengap.store import Store
    from gengap.sweep import Job, run

    keys = [_key(study, config) for config in configs]
    units: dict[Hashable, list[Job]] = {}
    for key, config in zip(keys, configs, strict=True):
        columns_known = {"kind": study, **asdict(config)}
        units.setdefault(together(config), []).append(Job(key, f"{study} · {_title(config)}", config, columns_known))
    with Store() as store:
        if not options.stored:
            workers = options.workers or 1
            run(
                units.values(),
                work,
                store,
                workers=workers,
                timeout_s=options.timeout_s,
                progress=options.progress,
            )
        found = {key: store.get(key) for key in keys}
    absent = {"status": "missing", "reason": "it was never measured"}
    empty = dict.fromkeys(columns)
    return [
        empty | {"reason": None} | (found[key] or absent) | {"key": key, **asdict(config)}
        for key, config in zip(keys, configs, strict=True)
    ]


def _key(study: str, config: Any) -> str:
    parts = ["measured", FORMAT, study, asdict(config)]
    return blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=16).hexdigest()


def _title(config: Any) -> str:
    return " ".join(str(value) for value in asdict(config).values() if value not in (None, "", 0, 0.0))
