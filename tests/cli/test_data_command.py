import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gengap.cli import main
from gengap.data import DATA_SETS

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.delenv("GENGAP_DATA", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exit_status:
            main(["data", *arguments])
        out, err = capsys.readouterr()
        return exit_status.value.code or 0, out, err  # type: ignore[return-value]

    return run


def test_list_tells_what_there_is_and_what_is_here(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "train-images-idx3-ubyte.gz").touch()
    (tmp_path / "kmnist").mkdir()
    (tmp_path / "kmnist" / "train-images-idx3-ubyte.gz.part").touch()
    status, out, _ = run("list", "--json", "--data-dir", str(tmp_path))
    rows = {row["name"]: row for row in json.loads(out)["data_sets"]}
    assert status == 0
    assert rows.keys() == DATA_SETS.keys()
    assert [name for name, row in rows.items() if row["here"]] == ["digits", "mnist"]
    assert rows["cifar10"]["preprocessing"] == {"crop": 28, "scale": "whiten"}
    assert rows["mnist"]["folder"] == str(tmp_path / "mnist")
    status, out, _ = run("list")
    assert status == 0
    assert "fashion-mnist" in out


def test_verify_reads_what_is_here(run: Run, tmp_path: Path) -> None:
    status, out, _ = run("verify", "--json", "--data-dir", str(tmp_path))
    assert status == 0
    assert [(row["name"], row["status"], row["reason"]) for row in json.loads(out)["data_sets"]] == [
        ("digits", "ok", None)
    ]


def test_verify_of_missing_and_broken_data_says_so_and_exits_with_2(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"\0\0\x08\x03")[:-4])
    status, out, err = run("verify", "mnist", "cifar10", "--json", "--data-dir", str(tmp_path))
    assert status == 2
    assert [row["status"] for row in json.loads(out)["data_sets"]] == ["broken", "missing"]
    assert "train-images-idx3-ubyte.gz is empty, truncated or not gzip" in err
    assert "gengap data fetch cifar10" in err
    assert "Traceback" not in err


def test_fetch_of_what_needs_none_and_of_what_is_unknown(run: Run) -> None:
    status, out, err = run("fetch", "digits")
    assert (status, out, err.strip()) == (0, "", "digits comes with scikit-learn: nothing to fetch")
    status, out, err = run("fetch", "cifar10", "mnits")  # refused before anything is downloaded
    assert (status, out) == (2, "")
    assert "Unknown data set 'mnits'" in err


def test_a_fetch_that_fails_exits_with_2_and_says_what_to_do(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENGAP_MIRROR", "http://127.0.0.1:9")
    status, out, err = run("fetch", "cifar10", "--data-dir", str(tmp_path))
    assert (status, out) == (2, "")
    assert "http://127.0.0.1:9/cifar10/cifar-10-binary.tar.gz: no answer" in err
    assert "GENGAP_MIRROR" in err
    assert "Traceback" not in err


def test_a_fetch_shows_progress_on_stderr_alone(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def arrives(url: str, target: Path, md5: str, progress: Callable[[int, int | None], None]) -> None:
        progress(50, 100)
        progress(100, 100)

    monkeypatch.setattr("gengap.data.download.download", arrives)
    status, out, err = run("fetch", "cifar10", "--data-dir", str(tmp_path))
    assert (status, out) == (0, "")
    assert "cifar-10-binary.tar.gz" in err
    assert f"cifar10 is in {tmp_path / 'cifar10'}" in err
