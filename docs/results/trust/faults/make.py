"""Tries every fault and attack and writes the table: ``python docs/results/trust/faults/make.py [GROUP …]``.

Cases stand in the files ``cases_*.py`` of this folder, each of which has a list ``CASES`` of ``frame.Case``. A group
that is not asked for keeps the rows that ``faults.csv`` has of it.
"""

import csv
import importlib
import os
import platform
import sys
import tempfile
import time
import traceback
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import frame  # noqa: E402

TABLE = HERE / "faults.csv"
COLUMNS = [
    *("group", "fault or attack", "tries", "outcome", "as wanted", "rows lost", "rows doubled", "wrong results"),
    *("code run", "peak MiB", "seconds"),
]
MARK = "<!-- table -->"


def cases() -> list[frame.Case]:
    """Those of all files, in their order."""
    modules = [importlib.import_module(file.stem) for file in sorted(HERE.glob("cases_*.py"))]
    return [case for module in modules for case in module.CASES]


def tried(case: frame.Case) -> dict[str, object]:
    """The row of a case."""
    began = time.monotonic()
    outcomes = []
    for number in range(case.tries):
        with tempfile.TemporaryDirectory(prefix="gengap-faults-", ignore_cleanup_errors=True) as folder:
            try:
                outcomes.append(case.run(number, Path(folder)))
            except Exception as error:
                traceback.print_exc()
                outcomes.append(frame.Outcome(f"the case itself failed: {error!r}", False))
    all_tries = frame.together(outcomes)
    return {
        "group": case.group,
        "fault or attack": case.what,
        "tries": case.tries,
        "outcome": all_tries.what,
        "as wanted": "yes" if all_tries.as_wanted else "NO",
        "rows lost": all_tries.lost,
        "rows doubled": all_tries.doubled,
        "wrong results": all_tries.wrong,
        "code run": "yes" if all_tries.code_run else "no",
        "peak MiB": "" if all_tries.peak_mib is None else round(all_tries.peak_mib),
        "seconds": round(time.monotonic() - began, 1),
    }


def main(groups: list[str]) -> None:
    """Tries the cases of some groups, or all, and writes the table."""
    stored = {}
    if TABLE.exists():
        with TABLE.open(encoding="utf-8") as file:
            stored = {(row["group"], row["fault or attack"]): dict(row) for row in csv.DictReader(file)}
    for case in cases():
        if not groups or case.group in groups:
            row = tried(case)
            stored[case.group, case.what] = row
            print(f"{row['as wanted']:3} {case.group}: {case.what}: {row['outcome']} ({row['seconds']} s)", flush=True)
            _write([stored[each.group, each.what] for each in cases() if (each.group, each.what) in stored])


def _write(rows: list[dict[str, object]]) -> None:
    """The table as it is by now, so that a run that is stopped keeps what it has tried."""
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    _write_readme(rows)


def _write_readme(rows: list[dict[str, object]]) -> None:
    readme = HERE / "README.md"
    before = readme.read_text(encoding="utf-8").split(MARK)[0]
    lines = [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    lines += [f"| {' | '.join(str(row[name]).replace('|', '/') for name in COLUMNS)} |" for row in rows]
    import gengap

    wanted = sum(row["as wanted"] == "yes" for row in rows)
    versions = f"gengap {gengap.__version__}, Python {platform.python_version()}, {os.cpu_count()} cores"
    summary = f"{wanted} of {len(rows)} as wanted; {sum(int(str(row['tries'])) for row in rows)} tries. {versions}."
    readme.write_text(before + MARK + "\n\n" + summary + "\n\n" + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
