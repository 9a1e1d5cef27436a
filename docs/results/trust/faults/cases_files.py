"""Files of strangers: bombs, lies, pipes, code in data, and files of other kinds. Those of ``tests/data/bombs.py``."""

import gzip
import json
import pickle
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from frame import Case, Outcome, run

sys.path.insert(0, str(Path(__file__).parents[4] / "tests" / "data"))
import bombs

PEAK_MIB = 1024  # which no reader may reach: importing what it needs takes some 300
LIMIT_S = 120.0
Make = Callable[[Path], Any]


def refused(make: Make, arguments: list[str], words: str, number: int, folder: Path) -> Outcome:
    """A command that reads a file ends with status 2 and at most three lines, in time and memory."""
    path = folder / "input"
    path.mkdir()
    made = make(path)
    command = [part.format(made) for part in arguments]
    finished = run(command, folder, limit_s=LIMIT_S)
    lines = [line for line in finished.err.splitlines() if line.strip()]
    code_run = (folder / "code-ran").exists()
    fine = finished.ended_as(2, words) and len(lines) <= 3 and finished.peak_mib < PEAK_MIB and not code_run
    told = lines[0].replace(str(folder), "").removeprefix("gengap: ")[:120] if lines else "nothing is said"
    what = f"status {finished.status}: {told}" if finished.status is not None else f"no end within {LIMIT_S:g} s"
    return Outcome(what, fine, code_run=code_run, peak_mib=finished.peak_mib)


RANDOMIZE = ["gengap", "randomize", "--data", "{0}", "--json"]
TABLE = [*RANDOMIZE, "--label-column", "a", "--split-column", "b"]
CERTIFY = ["gengap", "certify", "--predictions", "{0}", "--json"]
MEASURE = ["gengap", "measure", "mlp-1x512", "--weights", "{0}", "--measures", "param_norm", "--json"]
LOG = ["gengap", "certify", "--log", "{0}", "--json"]
RECIPE = ["gengap", "randomize", "--recipe", "{0}", "--json"]
HISTORY = ["gengap", "measure", "mlp-1x512", "--weights", "absent.pt", "--history", "{0}", "--json"]


def written(content: bytes, name: str, folder: Path) -> Path:
    """A file with a content."""
    (folder / name).write_bytes(content)
    return folder / name


def pickled(content: bytes, folder: Path) -> Path:
    """CIFAR's python layout with this training file."""
    return bombs.cifar_pickles(folder / "x", content)


def beside_images(make: Callable[[Path], Any], folder: Path) -> Path:
    """A folder of images with one more file among them."""
    images = bombs.image_folder(folder / "x")
    make(images / "train" / "a" / "1.png")
    return images


def torch_file(folder: Path, stored: int, values: int, packed: bool = False) -> Path:
    """A file of ``torch.save`` of a view of so many values on as many or one stored, compressed where asked for."""
    import torch

    path = folder / "w.pt"
    torch.save({"weight": torch.zeros(stored).expand(values)}, path)
    if packed:
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(folder / "p.pt", "w", zipfile.ZIP_DEFLATED) as new:
            for member in old.infolist():
                new.writestr(member.filename, old.read(member))
        return folder / "p.pt"
    return path


def recipe(model: str, folder: Path) -> Path:
    """A recipe file that names code, and a module whose import would leave a file."""
    (folder.parent / "mine.py").write_text("open('code-ran', 'w').close()\n")
    return written(json.dumps({"model": model}).encode(), "r.json", folder)


def postscript(path: Path) -> None:
    """A program in PostScript under the name of an image; Pillow would start its interpreter."""
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n%%EndComments\n(code-ran) (w) file\nshowpage\n")


def weights_that_call(folder: Path) -> Path:
    """A pickle that calls a function, as weights."""
    call = b"cos\nsystem\n(S'touch code-ran'\ntR."
    with zipfile.ZipFile(folder / "w.pt", "w") as archive:
        archive.writestr("w/data.pkl", b"\x80\x02" + call)
        archive.writestr("w/version", "3\n")
    return folder / "w.pt"


GIB = 1024  # MiB
SIZES: list[tuple[str, Make, list[str], str]] = [
    ("tar, sparse, of 10 GB", lambda d: bombs.sparse_tar(d / "x.tar", 10**10), RANDOMIZE, "sparse"),
    ("tar, sparse, later format", lambda d: bombs.pax_sparse_tar(d / "x.tar", 10**10), RANDOMIZE, "sparse"),
    ("tar.gz that unfolds to 4 GiB", lambda d: bombs.tar_bomb(d / "x.tar.gz", 4 * GIB), RANDOMIZE, "memory"),
    (
        "tar.gz, 4 GiB in a member not wanted",
        lambda d: bombs.tar_bomb(d / "x.tar.gz", 4 * GIB, "y"),
        RANDOMIZE,
        "limit",
    ),
    ("tar that declares 1 TiB", lambda d: bombs.lying_tar(d / "x.tar", 2**40), RANDOMIZE, "memory"),
    (
        "tar with an extended header of 8 GiB",
        lambda d: bombs.lying_tar(d / "x.tar", 2**33, tarfile.XHDTYPE),
        RANDOMIZE,
        "header",
    ),
    ("tar.gz of a million members", lambda d: bombs.tar_of_many(d / "x.tar.gz", 10**6), RANDOMIZE, ""),
    ("npz that unfolds to 3 GiB", lambda d: bombs.npz_bomb(d / "x.npz", 1536), RANDOMIZE, "memory"),
    ("npz that declares 8 TiB", lambda d: bombs.lying_npz(d / "x.npz", (2**40,)), RANDOMIZE, "declares"),
    (
        "npz of 10^12 texts without length",
        lambda d: bombs.lying_npz(d / "x.npz", (10**12,), "<U0"),
        RANDOMIZE,
        "memory",
    ),
    (
        "CIFAR pickle of shared lists",
        lambda d: pickled(pickle.dumps({b"data": bombs.shared_list(60), b"labels": []}), d),
        RANDOMIZE,
        "pixels",
    ),
    ("CIFAR pickle, a key of shared tuples", lambda d: pickled(bombs.shared_key(60), d), RANDOMIZE, "key"),
    ("CIFAR pickle, a memo of 2^31", lambda d: pickled(b"\x80\x02]r\xff\xff\xff\x7f.", d), RANDOMIZE, "list"),
    (
        "CIFAR pickle of 3 million lists",
        lambda d: pickled(b"\x80\x02" + b"]" * 3 * 10**6 + b".", d),
        RANDOMIZE,
        "more than",
    ),
    ("CIFAR pickle, 10^6 arrays of one MiB", lambda d: pickled(bombs.many_copies(2**20, 10**5), d), RANDOMIZE, ""),
    ("CSV of 10^6 columns", lambda d: bombs.wide_csv(d / "x.csv", 10**6), TABLE, "characters"),
    ("CSV of 3 x 10^5 columns as predictions", lambda d: bombs.wide_csv(d / "x.csv", 3 * 10**5), CERTIFY, "columns"),
    (
        "csv.gz that unfolds to 4 GiB",
        lambda d: written(bombs.zeros_gz(b"a,b\n", 4 * GIB), "x.csv.gz", d),
        CERTIFY,
        "limit",
    ),
    ("Parquet of 10^8 equal rows", lambda d: bombs.parquet_bomb(d / "x.parquet", 10**8), TABLE, "memory"),
    (
        "Parquet, one text of 100 kB in 10^6 rows",
        lambda d: bombs.parquet_bomb(d / "x.parquet", 2**20, 10**5),
        TABLE,
        "memory",
    ),
    (
        "PNG of 169 megapixels",
        lambda d: beside_images(partial(bombs.png, width=13_000, height=13_000), d),
        RANDOMIZE,
        "pixels",
    ),
    ("weights, compressed", lambda d: torch_file(d, 10**8, 10**8, packed=True), MEASURE, "declares"),
    ("weights, a view of 10^12", lambda d: torch_file(d, 1, 10**12), MEASURE, "memory"),
    ("log (.eval) that unfolds to 3 GiB", lambda d: bombs.log_bomb(d / "x.eval", 3 * GIB), LOG, "memory"),
    ("log (.eval), 1 GiB declared as 100 bytes", lambda d: bombs.lying_log(d / "x.eval", GIB), LOG, "holds more"),
    ("log of 10^5 nested lists", lambda d: written(b'{"score":' + b"[" * 10**5, "x.jsonl", d), LOG, "deeply"),
    ("recipe of 10^5 nested lists", lambda d: written(b"[" * 10**5, "r.json", d), RECIPE, "deeply"),
    ("history of 10^5 nested objects", lambda d: written(b'{"a":' * 10**5, "h.json", d), HISTORY, "deeply"),
    (
        "recipe with a number of 5000 digits",
        lambda d: written(b'{"epochs":' + b"9" * 5000 + b"}", "r.json", d),
        RECIPE,
        "",
    ),
]
PIPES: list[tuple[str, Make, list[str], str]] = [
    ("pipe in a folder of images", lambda d: beside_images(bombs.pipe, d), RANDOMIZE, "pipe"),
    ("pipe as npz", lambda d: bombs.pipe(d / "x.npz"), RANDOMIZE, "pipe"),
    ("pipe as tar.gz", lambda d: bombs.pipe(d / "x.tar.gz"), RANDOMIZE, "pipe"),
    ("pipe as CSV", lambda d: bombs.pipe(d / "x.csv"), TABLE, "pipe"),
    ("pipe as predictions", lambda d: bombs.pipe(d / "x.csv"), CERTIFY, "pipe"),
    ("pipe as weights", lambda d: bombs.pipe(d / "w.pt"), MEASURE, "pipe"),
    ("pipe as recipe", lambda d: bombs.pipe(d / "r.json"), RECIPE, "pipe"),
    ("pipe as history", lambda d: bombs.pipe(d / "h.json"), HISTORY, "pipe"),
    ("pipe as log (.eval)", lambda d: bombs.pipe(d / "x.eval"), LOG, "pipe"),
    ("pipe as log (.jsonl)", lambda d: bombs.pipe(d / "x.jsonl"), LOG, "pipe"),
    ("/dev/zero as predictions", lambda d: Path("/dev/zero"), CERTIFY, "device"),
]
CODE: list[tuple[str, Make, list[str], str]] = [
    ('recipe with "model": "os:abort"', partial(recipe, "os:abort"), RECIPE, "names code"),
    ('recipe with "model": "mine:make"', partial(recipe, "mine:make"), RECIPE, "names code"),
    (
        "CIFAR pickle that calls os.system",
        lambda d: pickled(b"cos\nsystem\n(S'touch code-ran'\ntR.", d),
        RANDOMIZE,
        "refused",
    ),
    ("weights that call os.system", weights_that_call, MEASURE, ""),
    ("PostScript under the name of an image", lambda d: beside_images(postscript, d), RANDOMIZE, "no readable image"),
    ("a pickle as predictions", lambda d: written(pickle.dumps({}), "x.csv", d), CERTIFY, "a pickle"),
]
KINDS: list[tuple[str, Make, list[str], str]] = [
    ("Excel workbook as predictions", lambda d: written(b"PK\x03\x04rest", "x.csv", d), CERTIFY, "Excel"),
    ("web page as predictions", lambda d: written(b"<!doctype html>", "x.csv", d), CERTIFY, "web page"),
    ("image as predictions", lambda d: bombs.png(d / "x.csv", 4, 4), CERTIFY, "image"),
    ("SQLite database as predictions", lambda d: written(b"SQLite format 3\0", "x.csv", d), CERTIFY, "SQLite"),
    ("damaged gzip as predictions", lambda d: written(b"\x1f\x8bbroken", "x.csv", d), CERTIFY, "Cannot read"),
]


def accepted(content: bytes, name: str, number: int, folder: Path) -> Outcome:
    """Predictions in a form that people have give the certificate of the plain file."""
    finished = run(["gengap", "certify", "--predictions", str(written(content, name, folder)), "--json"], folder)
    answer = json.loads(finished.out) if finished.status == 0 else {}
    errors = answer.get("errors")
    fine = finished.status == 0 and errors == 1 and answer.get("n") == 4
    return Outcome(f"status {finished.status}, {errors} error of {answer.get('n')}", fine, peak_mib=finished.peak_mib)


PLAIN = "y_true,y_pred,note\n0,0,ä\n1,0,b\n1,1,c\n0,0,d\n"
FORMS = {
    "semicolons": (PLAIN.replace(",", ";").encode(), "x.csv"),
    "tabs in a .csv": (PLAIN.replace(",", "\t").encode(), "x.csv"),
    "UTF-16": (PLAIN.encode("utf-16"), "x.csv"),
    "Latin-1": (PLAIN.encode("latin-1"), "x.csv"),
    "gzip": (gzip.compress(PLAIN.encode()), "x.csv.gz"),
    "JSON": (json.dumps([{"y_true": t, "y_pred": p} for t, p in ((0, 0), (1, 0), (1, 1), (0, 0))]).encode(), "x.json"),
    "JSON lines": (
        b"".join(json.dumps({"y_true": t, "y_pred": p}).encode() + b"\n" for t, p in ((0, 0), (1, 0), (1, 1), (0, 0))),
        "x.jsonl",
    ),
}


class _Bad(BaseHTTPRequestHandler):
    """An endless file, a slow one, a length that is none, a redirection elsewhere: by the address."""

    def do_GET(self) -> None:
        """The answer."""
        kind = self.path.split("/")[1]
        self.send_response(302 if kind == "elsewhere" else 200)
        headers = {"length": ("Content-Length", "many"), "elsewhere": ("Location", "file:///etc/hostname")}
        if kind in headers:
            self.send_header(*headers[kind])
        self.end_headers()
        try:
            while kind == "endless":
                self.wfile.write(bytes(2**16))
            while kind == "slow":
                self.wfile.write(b"x")
                threading.Event().wait(1.0)
        except OSError:
            return

    def log_message(self, *_: object) -> None:
        """Quiet."""


def download(kind: str, number: int, folder: Path) -> Outcome:
    """``gengap data fetch`` from a bad server ends with status 2, and leaves at most what it may."""
    import os

    with ThreadingHTTPServer(("127.0.0.1", 0), _Bad) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        os.environ["GENGAP_MIRROR"] = f"http://127.0.0.1:{server.server_address[1]}/{kind}"
        try:
            finished = run(["gengap", "data", "fetch", "mnist", "--data-dir", "data"], folder, limit_s=100)
        finally:
            del os.environ["GENGAP_MIRROR"]
            server.shutdown()
    size = sum(file.stat().st_size for file in (folder / "data").rglob("*") if file.is_file())
    fine = finished.ended_as(2) and size < 2**20
    what = f"status {finished.status} after {finished.seconds:.0f} s, {size:,} bytes left"
    return Outcome(what, fine, peak_mib=finished.peak_mib)


CASES = [
    *(Case("files: declared sizes", what, partial(refused, *rest)) for what, *rest in SIZES),
    *(Case("files: pipes and devices", what, partial(refused, *rest)) for what, *rest in PIPES),
    *(Case("files: code in data", what, partial(refused, *rest)) for what, *rest in CODE),
    *(Case("files: other kinds", what, partial(refused, *rest)) for what, *rest in KINDS),
    *(Case("files: forms that people have", what, partial(accepted, *rest)) for what, rest in FORMS.items()),
    *(Case("downloads", what, partial(download, kind)) for kind, what in (
        ("endless", "a server that never ends"),
        ("slow", "a byte a second"),
        ("length", "a length that is no number"),
        ("elsewhere", "a redirection to file:"),
    )),
]  # fmt: skip
