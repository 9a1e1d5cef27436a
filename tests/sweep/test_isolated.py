"""Code that may end its process is called in another one."""

import os
import time
from pathlib import Path

import pytest
import sweep_work as work

from gengap.errors import InputError
from gengap.sweep import isolated, run
from gengap.sweep.runners import workers


def test_a_value_comes_back_from_another_process() -> None:
    pid, value = isolated("mine", work.pid_and, 3)
    assert value == 3
    assert pid != os.getpid()


def test_what_ends_its_process_is_an_input_error() -> None:
    with pytest.raises(InputError, match="mine: worker ended with exit status 7"):
        isolated("mine", os._exit, 7)
    with pytest.raises(InputError, match="mine: worker killed by SIGSEGV"):
        isolated("mine", work.segfault)
    with pytest.raises(InputError, match="mine: NoExceptionAtAll: nobody"):
        isolated("mine", work.raise_base_exception)


def test_an_input_error_comes_back_as_it_was() -> None:
    with pytest.raises(InputError) as caught:
        isolated("mine", work.refuse)
    assert (caught.value.what, caught.value.expected, caught.value.next_step) == ("no", "yes", "ask again")


def test_what_hangs_is_stopped() -> None:
    with pytest.raises(InputError, match=r"mine: took longer than 0\.3 s"):
        isolated("mine", time.sleep, 600, timeout_s=0.3)


def test_what_no_process_can_import_is_called_here() -> None:
    assert isolated("mine", lambda: os.getpid()) == os.getpid()


def test_an_idle_worker_is_used_again_until_its_source_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "edited_source.py"
    source.write_text("import os\ndef pid():\n    return [1, os.getpid()]\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import edited_source

    first, second = isolated("mine", edited_source.pid), isolated("mine", edited_source.pid)
    assert first == second
    source.write_text("import os\ndef pid():\n    return [2, os.getpid()]\n\n")
    version, pid = isolated("mine", edited_source.pid)
    assert version == 2
    assert pid != first[1]
    monkeypatch.chdir(tmp_path)  # where a module of the same name may stand
    assert isolated("mine", edited_source.pid)[1] != pid


def test_a_worker_that_ended_while_it_was_idle_is_replaced(store, monkeypatch: pytest.MonkeyPatch) -> None:
    run(work.jobs(1), work.threads, store, threads=1)
    for idle in [each for children in workers._IDLE.values() for each in children]:
        os.kill(idle.process._process.pid, 9)
        idle.process._process.join()
    assert run(work.jobs(2), work.threads, store, threads=1).done == 1
    assert store.get("2")["pid"] != store.get("1")["pid"]
