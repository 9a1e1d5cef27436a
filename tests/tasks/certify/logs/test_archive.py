"""Logs from anywhere: archives that unfold, lie or are damaged, pipes, and JSON lines of any content."""

import importlib.util
import os
import struct
import sys
import zipfile
import zlib
from pathlib import Path
from types import ModuleType

import pytest

from gengap.errors import InputError
from gengap.tasks.certify.logs import read_log
from gengap.tasks.certify.logs.archive import check_archive

FIXTURES = Path(__file__).parent / "fixtures"
MEBI = 2**20


@pytest.fixture
def bombs() -> ModuleType:
    """The bombs of the tests of data."""
    file = Path(__file__).parents[3] / "data" / "bombs.py"
    spec = importlib.util.spec_from_file_location("bombs_of_data", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def zstd_member(path: Path, content: bytes, declared: int) -> Path:
    """An archive with one member compressed by zstd, which declares some size."""
    zstandard = pytest.importorskip("zstandard", reason="comes with inspect_ai")
    packed, name = zstandard.ZstdCompressor().compress(content), b"header.json"
    fields = struct.pack("<HHHHHLLLHH", 20, 0, 93, 0, 33, zlib.crc32(content), len(packed), declared, len(name), 0)
    local = b"PK\x03\x04" + fields + name + packed
    central = b"PK\x01\x02" + struct.pack("<H", 20) + fields + struct.pack("<HHHLL", 0, 0, 0, 0, 0) + name
    end = b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, 1, 1, len(central), len(local), 0)
    path.write_bytes(local + central + end)
    return path


def test_an_archive_that_declares_too_much_is_refused(
    bombs: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GENGAP_MEMORY_LIMIT", raising=False)
    path = bombs.log_bomb(tmp_path / "x.eval", 80)
    with pytest.raises(InputError, match=r"x\.eval, unpacked, would take 80\.0 MiB of memory, more than the limit of"):
        read_log(path)
    path.rename(tmp_path / "x.json")  # its reader goes by the first bytes
    with pytest.raises(InputError, match=r"would take 80\.0 MiB"):
        read_log(tmp_path / "x.json")


def test_a_member_that_holds_more_than_it_declares_is_refused(bombs: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"1_epoch_1\.json declares 100 bytes and holds more"):
        read_log(bombs.lying_log(tmp_path / "x.eval", 2))


def test_zstd_is_counted_as_well(tmp_path: Path) -> None:
    check_archive(zstd_member(tmp_path / "a.eval", bytes(MEBI), MEBI))
    with pytest.raises(InputError, match="declares 100 bytes and holds more"):
        check_archive(zstd_member(tmp_path / "b.eval", bytes(MEBI), 100))


def test_archives_as_they_are_written_pass() -> None:
    check_archive(FIXTURES / "epochs.eval")


def test_other_archives_are_refused_in_one_message(tmp_path: Path) -> None:
    (tmp_path / "x.eval").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(InputError, match=r"x\.eval is no log of inspect_ai"):
        read_log(tmp_path / "x.eval")
    with zipfile.ZipFile(tmp_path / "y.eval", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("header.json", "{}")
    with pytest.raises(InputError, match="compression 14"):
        read_log(tmp_path / "y.eval")
    with zipfile.ZipFile(tmp_path / "z.eval", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", str(list(range(300))))
    content = (tmp_path / "z.eval").read_bytes()
    (tmp_path / "z.eval").write_bytes(content[:41] + b"\xff" * 8 + content[49:])
    with pytest.raises(InputError, match="damaged"):
        read_log(tmp_path / "z.eval")


@pytest.mark.parametrize("name", ["x.eval", "x.json", "x.jsonl", "x.csv"])
@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes")
def test_a_pipe_is_refused(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match="is a pipe"):
        read_log(tmp_path / name)


def test_a_pipe_beside_the_samples_is_not_opened(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes")
    time = "2026-11-29T00-00-00.000000"
    os.mkfifo(tmp_path / f"results_{time}.json")
    samples = tmp_path / f"samples_t_{time}.jsonl"
    samples.write_text('{"doc_id": 1, "metrics": ["acc"], "acc": 1.0}\n')
    (evaluation,) = read_log(samples)
    assert (evaluation.model, evaluation.losses.tolist()) == (tmp_path.name, [0.0])


def test_large_files_are_refused_before_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENGAP_MEMORY_LIMIT", "1M")
    for name in ("x.json", "x.jsonl"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(2**40)
        with pytest.raises(InputError, match="larger than the limit"):
            read_log(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"score":' + "[" * 100_000, "line 1 is nested too deeply"),
        ('{"score":' + "9" * 5000 + "}", "line 1: Exceeds the limit"),
        ('{"score":' + "9" * 400 + "}", "infinite score"),
        ('{"doc_id": [1], "metrics": ["acc"], "acc": 1}', "record 1 is no sample"),
        ('{"doc_id": 1, "metrics": ["acc"], "acc": 1}\n{"acc": 1}', "record 2 is no sample"),
        ('{"doc_id": 1, "metrics": 5}', "record 1 is no sample"),
        ('{"metric": [1], "score": 1}\n{"metric": [2], "score": 1}', "2 metrics"),
    ],
)
def test_lines_of_any_content_are_refused_in_one_message(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(text)
    with pytest.raises(InputError, match=message) as raised:
        read_log(tmp_path / "x.jsonl")
    assert len(str(raised.value).splitlines()) <= 3


def test_line_separators_within_a_text_end_no_line(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes('{"item": "a\u2028b\x85c", "score": 1}\r\n{"item": "d", "score": 0}\n'.encode())
    (evaluation,) = read_log(tmp_path / "x.jsonl")
    assert evaluation.losses.tolist() == [0.0, 1.0]
    assert evaluation.items is not None
    assert evaluation.items.tolist() == ["a\u2028b\x85c", "d"]
