import dataclasses
import errno
import gzip
import hashlib
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from gengap.data import DATA_SETS, fetch, idx, load, verify
from gengap.data.download import download, md5_of
from gengap.errors import InputError

CONTENT = np.random.default_rng(0).bytes(1_000_000)
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves ``files``, with the faults that a test sets."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {"/file": CONTENT}
        self.break_off_after: int | None = None
        self.ignore_range = False
        self.shift_range = 0
        self.no_length = False
        self.length: str | None = None
        self.redirect: str | None = None
        self.endless = False
        self.pause_s = 0.0  # after each byte of a slow answer, headers included
        self.requests: list[tuple[str, str | None]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.requests.append((self.path, asked))
        if self.server.pause_s:
            self._slowly(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" if self.path == "/headers" else b"")
        if self.server.redirect:
            self.send_response(302)
            self.send_header("Location", self.server.redirect)
            self.end_headers()
            return
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and not self.server.ignore_range else 0
        if start >= len(content):
            self.send_error(416)
            return
        start += self.server.shift_range if start else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if not self.server.no_length:
            self.send_header("Content-Length", self.server.length or str(len(content) - start))
        self.end_headers()
        if self.server.pause_s:
            self._slowly(content)
        try:
            while self.server.endless:
                self.wfile.write(content)
        except OSError:
            return
        self.wfile.write(content[start:][: self.server.break_off_after])

    def _slowly(self, content: bytes) -> None:
        try:
            for byte in content[:1000]:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(self.server.pause_s)
        except OSError:  # nobody listens any more
            return

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "set" / "file"


def folder_of(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def test_a_file_lands_whole_and_progress_is_told(server: Server, target: Path) -> None:
    told: list[tuple[int, int | None]] = []
    download(f"{server.url}/file", target, MD5, lambda done, total: told.append((done, total)))
    assert target.read_bytes() == CONTENT
    assert folder_of(target) == ["file"]
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert md5_of(target) == MD5


def test_a_download_that_breaks_off_goes_on_from_there(server: Server, target: Path) -> None:
    server.break_off_after = 300_000
    with pytest.raises(InputError, match=r"broke off: 300,000 of 1,000,000 bytes") as raised:
        download(f"{server.url}/file", target, MD5)
    assert "run the command again" in str(raised.value)
    assert folder_of(target) == ["file.part"]
    server.break_off_after = None
    download(f"{server.url}/file", target, MD5)
    assert [asked for _, asked in server.requests] == [None, "bytes=300000-"]
    assert target.read_bytes() == CONTENT
    assert folder_of(target) == ["file"]


def test_where_the_server_ignores_the_range_the_download_begins_anew(server: Server, target: Path) -> None:
    server.break_off_after, server.ignore_range = 300_000, True
    with pytest.raises(InputError):
        download(f"{server.url}/file", target, MD5)
    server.break_off_after = None
    download(f"{server.url}/file", target, MD5)
    assert target.read_bytes() == CONTENT


def test_another_range_than_was_asked_for_is_refused(server: Server, target: Path) -> None:
    server.break_off_after, server.shift_range = 300_000, 5
    for message in ("broke off", "another range"):
        with pytest.raises(InputError, match=message):
            download(f"{server.url}/file", target, MD5)
    assert (target.parent / "file.part").stat().st_size == 300_000


def test_a_finished_part_is_used_and_an_overlong_one_is_dropped(server: Server, target: Path) -> None:
    target.parent.mkdir()
    part = target.parent / "file.part"
    part.write_bytes(CONTENT)
    download(f"{server.url}/file", target, MD5)
    assert target.read_bytes() == CONTENT
    part.write_bytes(CONTENT + b"x")
    with pytest.raises(InputError, match="wrong checksum"):
        download(f"{server.url}/file", target, MD5)
    assert not part.exists()


def test_without_a_length_the_checksum_decides(server: Server, target: Path) -> None:
    server.no_length = True
    download(f"{server.url}/file", target, MD5)
    server.break_off_after = 5
    with pytest.raises(InputError, match="wrong checksum"):
        download(f"{server.url}/file", target, MD5)


def test_a_wrong_byte_is_refused_and_what_was_there_stays(server: Server, target: Path) -> None:
    server.files["/file"] = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    target.parent.mkdir()
    target.write_bytes(b"old")
    with pytest.raises(InputError, match="wrong checksum") as raised:
        download(f"{server.url}/file", target, MD5)
    assert MD5 in str(raised.value)
    assert folder_of(target) == ["file"]
    assert target.read_bytes() == b"old"


def test_a_server_without_the_file_or_none_at_all_is_told(server: Server, target: Path) -> None:
    with pytest.raises(InputError, match="answers 404 Not Found"):
        download(f"{server.url}/gone", target, MD5)
    with pytest.raises(InputError, match="no answer"):
        download("http://127.0.0.1:9/file", target, MD5)
    with pytest.raises(InputError, match="no address to download from"):
        download("file:///etc/hostname", target, MD5)
    assert not target.exists()


def test_a_server_that_never_ends_is_left_at_the_limit(server: Server, target: Path) -> None:
    server.endless = server.no_length = True
    with pytest.raises(InputError, match="more than 3,000,000 bytes"):
        download(f"{server.url}/file", target, MD5, limit=3_000_000)
    assert folder_of(target) == []  # what came is no part of the file


def test_a_file_that_is_declared_too_large_is_not_begun(server: Server, target: Path) -> None:
    server.length = str(10**15)
    with pytest.raises(InputError, match="has 1,000,000,000,000,000 bytes"):
        download(f"{server.url}/file", target, MD5)
    assert folder_of(target) == []


@pytest.mark.parametrize("length", ["many", "-5", "1e9", "9" * 5000, "1000000, 1000000"])
def test_of_a_length_that_is_none_the_checksum_decides(length: str, server: Server, target: Path) -> None:
    server.length = length
    download(f"{server.url}/file", target, MD5)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("address", ["file:///etc/hostname", "ftp://127.0.0.1/file", "gopher://x", "data:,x"])
def test_a_redirection_leads_to_http_alone(address: str, server: Server, target: Path) -> None:
    server.redirect = address
    with pytest.raises(InputError, match=r"redirects to|answers 302"):
        download(f"{server.url}/file", target, MD5)
    assert folder_of(target) == []


def test_redirections_in_a_circle_end(server: Server, target: Path) -> None:
    server.redirect = f"{server.url}/file"
    with pytest.raises(InputError, match="answers 302"):
        download(f"{server.url}/file", target, MD5)


@pytest.mark.parametrize(
    ("path", "message"), [("/file", r"bytes a second came, fewer than"), ("/headers", "none within 0.5 s")]
)
def test_a_byte_now_and_then_is_not_waited_for(
    path: str, message: str, server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gengap.data.download.WINDOW_S", 0.3)
    monkeypatch.setattr("gengap.data.download.ANSWER_S", 0.5)
    server.pause_s = 0.02
    started = time.perf_counter()
    with pytest.raises(InputError, match=message) as raised:
        download(f"{server.url}{path}", target, MD5)
    assert time.perf_counter() - started < 5
    assert raised.value.next_step
    server.pause_s = 0.0


def test_no_room_on_disk_is_told(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, mode: str = "r") -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(InputError, match=r"No room on disk for .*file"):
        download(f"{server.url}/file", target, MD5)


def test_a_folder_that_cannot_be_written_is_told(server: Server, target: Path) -> None:
    target.parent.write_text("a file where the folder should be")
    with pytest.raises(InputError, match=r"Cannot write .*file: ") as raised:
        download(f"{server.url}/file", target, MD5)
    assert "--data-dir" in str(raised.value)


def packed(array: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return gzip.compress(head + array.astype(np.uint8).tobytes(), mtime=0)


@pytest.fixture
def mirror(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A mirror that holds data in MNIST's form, whose checksums count as the published ones."""
    monkeypatch.setenv("GENGAP_MIRROR", f"{server.url}/base/")
    monkeypatch.setattr(idx, "COUNTS", {"train": 20, "test": 10})
    files = []
    for file, n in zip(DATA_SETS["mnist"].files, (20, 20, 10, 10), strict=True):
        content = packed(np.zeros((n, 28, 28)) if "images" in file.name else np.arange(n) % 10)
        server.files[f"/base/mnist/{file.name}"] = content
        files.append(dataclasses.replace(file, md5=hashlib.md5(content).hexdigest()))
    monkeypatch.setitem(DATA_SETS, "mnist", dataclasses.replace(DATA_SETS["mnist"], files=tuple(files)))
    return server


def test_a_data_set_is_fetched_from_the_mirror_once(mirror: Server, tmp_path: Path) -> None:
    assert fetch("mnist", data_dir=tmp_path) == tmp_path / "mnist"
    assert len(load("mnist", data_dir=tmp_path).train) == 20
    assert sorted(path for path, _ in mirror.requests) == sorted(mirror.files.keys() - {"/file"})
    fetch("mnist", data_dir=tmp_path)
    assert len(mirror.requests) == 4


def test_what_fetching_repairs_is_only_the_damaged_file(mirror: Server, tmp_path: Path) -> None:
    damaged = fetch("mnist", data_dir=tmp_path) / DATA_SETS["mnist"].files[1].name
    damaged.write_bytes(damaged.read_bytes()[:-9])
    result = verify("mnist", data_dir=tmp_path)
    assert result["status"] == "broken"
    assert str(damaged) in result["reason"]
    assert list(result["published"].values()) == [True, False, True, True]
    fetch("mnist", data_dir=tmp_path)
    assert verify("mnist", data_dir=tmp_path)["status"] == "ok"
    assert [path for path, _ in mirror.requests[4:]] == [f"/base/mnist/{damaged.name}"]


def test_a_file_packed_again_is_sound_though_its_checksum_is_another(mirror: Server, tmp_path: Path) -> None:
    file = fetch("mnist", data_dir=tmp_path) / DATA_SETS["mnist"].files[0].name
    file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes()), 1, mtime=1))
    result = verify("mnist", data_dir=tmp_path)
    assert (result["status"], result["published"][file.name]) == ("ok", False)


def test_each_data_set_is_published_somewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GENGAP_MIRROR", raising=False)
    asked: list[str] = []
    monkeypatch.setattr("gengap.data.download.download", lambda url, target, md5, progress: asked.append(url))
    for name in DATA_SETS:
        fetch(name, data_dir=tmp_path)
    assert len(asked) == 14
    assert "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz" in asked
    assert "https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz" in asked
