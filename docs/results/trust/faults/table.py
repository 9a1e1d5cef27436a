"""From cases to a table: each is tried, and written into ``faults.csv`` and the README of a folder.

Cases stand in the files ``cases_*.py`` of that folder, each of which has a list ``CASES`` of ``frame.Case``. A group
that is not asked for keeps the rows that ``faults.csv`` has of it.
"""

import csv
import importlib
import os
import platform
import tempfile
import time
import traceback
from pathlib import Path

import frame

COLUMNS = [
    *("group", "fault or attack", "tries", "outcome", "as wanted", "rows lost", "rows doubled", "wrong results"),
    *("code run", "peak MiB", "seconds"),
]
MARK = "<!-- table -->"


def cases(folder: Path) -> list[frame.Case]:
    """Those of all files of a folder, in their order."""
    modules = [importlib.import_module(file.stem) for file in sorted(folder.glob("cases_*.py"))]
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


def main(folder: Path, groups: list[str]) -> None:
    """Tries the cases of some groups, or all, and writes the table."""
    stored, table = {}, folder / "faults.csv"
    if table.exists():
        with table.open(encoding="utf-8") as file:
            stored = {(row["group"], row["fault or attack"]): dict(row) for row in csv.DictReader(file)}
    found = cases(folder)
    for case in found:
        if not groups or case.group in groups:
            row = tried(case)
            stored[case.group, case.what] = row
            print(f"{row['as wanted']:3} {case.group}: {case.what}: {row['outcome']} ({row['seconds']} s)", flush=True)
            _write(folder, [stored[each.group, each.what] for each in found if (each.group, each.what) in stored])


def _write(folder: Path, rows: list[dict[str, object]]) -> None:
    """The table as it is by now, so that a run that is stopped keeps what it has tried."""
    with (folder / "faults.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    _write_readme(folder / "README.md", rows)


def _write_readme(readme: Path, rows: list[dict[str, object]]) -> None:
    before = readme.read_text(encoding="utf-8").split(MARK)[0]
    lines = [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    lines += [f"| {' | '.join(str(row[name]).replace('|', '/') for name in COLUMNS)} |" for row in rows]
    import gengap

    wanted = sum(row["as wanted"] == "yes" for row in rows)
    versions = f"gengap {gengap.__version__}, Python {platform.python_version()}, {os.cpu_count()} cores"
    summary = f"{wanted} of {len(rows)} as wanted; {sum(int(str(row['tries'])) for row in rows)} tries. {versions}."
    readme.write_text(before + MARK + "\n\n" + summary + "\n\n" + "\n".join(lines) + "\n", encoding="utf-8")
