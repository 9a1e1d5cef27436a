"""Memory of a randomization test against the size of its data: ``python docs/results/scale/data.py [FOLDER]``.

Writes data.csv. Made-up images of 3 x 32 x 32 bytes in .npy files, and made-up JPEGs of 48 x 48 pixels in folders of
classes, which are decoded into shards first. Each size is a command of its own: a perceptron of 16 units, one epoch on
random labels, one worker. Memory is the most that any of its processes has held at once.
"""

import csv
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
GIB = 2**30
ARRAYS = (1, 4, 16)  # GiB
JPEGS = (8_000, 16_000, 64_000)
LIMIT = "64M"  # so that images stay in their shards from 16 MiB on, as they do from 512 MiB on by default
CLASSES, TEST, BLOCK = 10, 1_000, 8_192


def arrays(folder: Path, gib: float) -> int:
    """Writes images of so many GiB; their number."""
    rng, n = np.random.default_rng(0), int(gib * GIB) // (3 * 32 * 32)
    for split, count in (("train", n), ("test", TEST)):
        path = folder / f"x_{split}.npy"
        x = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, 3, 32, 32))
        for start in range(0, count, BLOCK):
            stop = min(start + BLOCK, count)
            x[start:stop] = rng.integers(0, 256, (stop - start, 3, 32, 32), dtype=np.uint8)
        del x
        np.save(folder / f"y_{split}.npy", rng.integers(0, CLASSES, count))
    return n


def jpegs(folder: Path, n: int) -> int:
    """Writes so many training images; their number."""
    rng = np.random.default_rng(0)
    for split, count in (("train", n), ("test", TEST)):
        for c in range(CLASSES):
            (folder / split / str(c)).mkdir(parents=True)
        for i in range(count):
            pixels = rng.integers(0, 256, (48, 48, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / split / str(i % CLASSES) / f"{i}.jpg")
    return n


def measured(kind: str, folder: Path, home: Path) -> dict[str, object]:
    """Peak memory and seconds of the test."""
    options = ["--resize", "32"] if kind == "JPEGs" else []
    command = [sys.executable, "-m", "gengap", "randomize", "--data", str(folder), *options, "--model", "mlp-1x16"]
    command += ["--scale", "unit", "--levels", "1", "--set", "epochs=1", "--set", "batch_size=1024"]
    command += ["--workers", "1", "--json"]
    environment = os.environ | {"GENGAP_HOME": str(home), "GENGAP_SHARDS": str(home / "shards")}
    environment |= {"GENGAP_MEMORY_LIMIT": LIMIT} if kind == "JPEGs" else {}
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    peaks: dict[int, int] = {}
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, peaks, done))
    watcher.start()
    code = process.wait()
    done.set()
    watcher.join()
    if code:
        raise SystemExit(f"{' '.join(command)} ended with {code}.")
    return {"peak_mib": round(max(peaks.values()) / 1024), "seconds": round(time.perf_counter() - started)}


def _watch(root: int, peaks: dict[int, int], done: threading.Event) -> None:
    while not done.wait(0.1):
        family = {root}
        for status in sorted(Path("/proc").glob("[0-9]*/status"), key=lambda path: int(path.parent.name)):
            try:
                fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
            except OSError:
                continue
            pid, parent = int(fields["Pid"]), int(fields["PPid"])
            if pid in family or parent in family:
                family.add(pid)
                if "VmHWM" in fields:
                    peaks[pid] = int(fields["VmHWM"].split()[0])


def main(where: str | None = None) -> None:
    """Measures each size, and writes the rows as they come."""
    with (HERE / "data.csv").open("w", newline="", encoding="utf-8") as stream:
        rows = csv.DictWriter(stream, ["data", "images", "gib", "peak_mib", "seconds"])
        rows.writeheader()
        for kind, make, sizes in (("arrays", arrays, ARRAYS), ("JPEGs", jpegs, JPEGS)):
            for size in sizes:
                root = Path(tempfile.mkdtemp(dir=where))
                (root / "data").mkdir()
                n = make(root / "data", size)
                gib = n * 3 * 32 * 32 / GIB
                row = {"data": kind, "images": n, "gib": round(gib, 3), **measured(kind, root / "data", root / "home")}
                rows.writerow(row)
                stream.flush()
                print(row, flush=True)
                shutil.rmtree(root)


if __name__ == "__main__":
    main(*sys.argv[1:])
