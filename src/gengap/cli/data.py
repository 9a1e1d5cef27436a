"""``gengap data``: which data sets there are, which are here, and how to get them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gengap.cli.answer import Json, print_json
from gengap.cli.table import print_table
from gengap.console import Console
from gengap.data import DATA_SETS, data_root, fetch, named_data_set, verify
from gengap.terminal import say

app = typer.Typer()
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder that holds one folder a data set. Default: GENGAP_DATA, else the cache."),
]


@app.command("list")
def list_data_sets(data_dir: DataDir = None, as_json: Json = False) -> None:
    """The named data sets, and whether they are on this machine."""
    rows = [
        {
            "name": entry.name,
            "title": entry.title,
            "classes": len(entry.classes),
            "here": not entry.files or _has_files(data_root(data_dir) / entry.name),
            "folder": str(data_root(data_dir) / entry.name) if entry.files else None,
            "preprocessing": {"crop": entry.preprocessing.crop, "scale": entry.preprocessing.scale},
        }
        for entry in DATA_SETS.values()
    ]
    if as_json:
        print_json({"data_sets": rows})
        return
    print_table(("name", "what", "here"), [(row["name"], row["title"], "yes" if row["here"] else "no") for row in rows])
    say(f"Looked for in {data_root(data_dir)}; gengap data fetch NAME downloads one.")


@app.command("fetch")
def fetch_data_sets(
    names: Annotated[list[str], typer.Argument(help="Data sets, e.g. cifar10.")], data_dir: DataDir = None
) -> None:
    """Downloads data sets: resumable, checked against the published checksums. GENGAP_MIRROR names another source.

    A mirror holds NAME/FILE, e.g. mnist/train-images-idx3-ubyte.gz.
    """
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    entries = [named_data_set(name) for name in names]
    with Progress(*columns, console=Console(stderr=True)) as bars:

        def progress(file: str) -> Any:
            task = bars.add_task(file, total=None)
            return lambda done, total: bars.update(task, completed=done, total=total)

        folders = [fetch(name, data_dir=data_dir, progress=progress) for name in names]
    for entry, folder in zip(entries, folders, strict=True):
        nothing = f"{entry.name} comes with scikit-learn: nothing to fetch"
        say(f"{entry.name} is in {folder}" if entry.files else nothing, err=True)


@app.command("verify")
def verify_data_sets(
    names: Annotated[list[str] | None, typer.Argument(help="Data sets; by default those that are here.")] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Reads data sets and checks their format, counts and labels. Exit status 2 if one is missing or broken."""
    chosen = names or [n for n, e in DATA_SETS.items() if not e.files or _has_files(data_root(data_dir) / n)]
    results = [verify(name, data_dir=data_dir) for name in chosen]
    if as_json:
        print_json({"data_sets": results})
    else:
        folders = [r["folder"] if named_data_set(r["name"]).files else "comes with scikit-learn" for r in results]
        lines = [(r["name"], r["status"], folder) for r, folder in zip(results, folders, strict=True)]
        print_table(("name", "status", "folder"), lines)
    unsound = [result for result in results if result["status"] != "ok"]
    for result in unsound:
        say(f"gengap: {result['reason']}", err=True)
    if unsound:
        raise typer.Exit(2)


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(not file.name.endswith(".part") for file in folder.iterdir())
