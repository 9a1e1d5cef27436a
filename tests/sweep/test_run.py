import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import sweep_work as work

from gengap.errors import InputError
from gengap.store import Store
from gengap.sweep import Failure, Interrupted, Job, Options, run
from gengap.sweep.failures import of_exit
from gengap.sweep.threads import available_cores

PROCESSES = pytest.mark.parametrize("workers", [1, 2])

ACCIDENTS = {
    "raise": ("failed", "ValueError: no such thing"),
    "memory": ("out-of-memory", "MemoryError: 64 GiB"),
    "torch memory": ("out-of-memory", "OutOfMemoryError: CUDA out of memory"),
    "cpu memory": ("out-of-memory", "RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory"),
    "exit": ("failed", "SystemExit: 7"),
    "base exception": ("failed", "NoExceptionAtAll: nobody catches it"),
    "interrupt": ("failed", "KeyboardInterrupt"),
    "mute exception": ("failed", "MuteError"),
    "set": ("failed", "TypeError: A row cannot hold set {1, 2}."),
    "kill": ("out-of-memory", "worker killed by SIGKILL, which is what a system short of memory does"),
    "crash": ("failed", "worker killed by SIGSEGV"),
    "hard exit": ("failed", "worker ended with exit status 7"),
}


@PROCESSES
def test_rows_are_stored_under_their_keys(store: Store, workers: int) -> None:
    result = run(work.jobs(1, 2, 3, model="mlp"), work.square, store, workers=workers)
    assert (result.done, result.reused, result.failed) == (3, 0, ())
    assert store.get("3") == {
        "key": "3",
        "status": "done",
        "model": "mlp",
        "value": 9,
        "history": [{"epoch": 1, "value": 3}],
    }
    assert {r["key"] for r in store} == {"1", "2", "3"}


@PROCESSES
def test_accidents_are_stored_and_tried_again(store: Store, workers: int) -> None:
    accidents = ACCIDENTS
    units = work.jobs(1, *accidents, 2, model="mlp")
    result = run(units, work.square, store, workers=workers)
    assert set(result.failed) == {Failure(p, f"job {p}", *why) for p, why in accidents.items()}
    assert (result.done, result.reused) == (2, 0)
    for payload, (status, reason) in accidents.items():
        row = store.get(payload)
        assert (row["status"], row["reason"], row["model"]) == (status, reason, "mlp")
    assert 'raise ValueError("no such thing")' in store.get("raise")["traceback"]

    healed = [[Job(unit[0].key, unit[0].title, 5)] for unit in units]
    again = run(healed, work.square, store, workers=workers)
    assert (again.done, again.reused, again.failed) == (len(accidents), 2, ())
    assert store.get("raise")["value"] == 25
    assert store.get("1")["value"] == 1


def test_a_unit_that_takes_too_long_is_stopped(store: Store) -> None:
    result = run(work.jobs("sleep", 1), work.square, store, workers=1, timeout_s=0.3)
    assert result.failed == (Failure("sleep", "job sleep", "timed-out", "took longer than 0.3 s"),)
    assert store.finished(["sleep", "1"]) == {"1"}


@PROCESSES
def test_only_what_is_missing_runs(store: Store, workers: int) -> None:
    store.put({"key": "1", "status": "diverged", "value": "kept"})
    unit = [Job(str(i), "group", i) for i in range(4)]
    result = run([unit[:3], unit[2:], unit[:1]], work.square, store, workers=workers)
    assert (result.done, result.reused) == (3, 1)
    assert {r["key"]: r["value"] for r in store} == {"0": 0, "1": "kept", "2": 4, "3": 9}


@PROCESSES
def test_a_group_shares_its_failure(store: Store, workers: int) -> None:
    unit = [Job("a", "first", 1), Job("b", "second", "raise")]
    result = run([unit], work.square, store, workers=workers)
    assert [f.key for f in result.failed] == ["a", "b"]
    assert store.finished(["a", "b"]) == set()


@pytest.mark.parametrize(
    ("function", "reason"), [(work.too_few, "ValueError: 1 jobs gave 0 rows."), (work.no_status, "needs a status")]
)
def test_work_that_breaks_its_contract_fails(store: Store, function, reason: str) -> None:
    (failure,) = run(work.jobs(1), function, store).failed
    assert reason in failure.reason


@PROCESSES
def test_a_checkpoint_lives_until_its_result(store: Store, workers: int) -> None:
    folder = store.path.parent / "checkpoints"
    assert run(work.jobs(1), work.count_with_checkpoint, store, workers=workers).failed
    assert len(list(folder.iterdir())) == 1
    assert run(work.jobs(1), work.count_with_checkpoint, store, workers=workers).done == 1
    assert store.get("1")["attempts"] == 2
    assert Path(store.get("1")["where"]).is_relative_to(folder)
    assert not list(folder.iterdir())


@PROCESSES
def test_threads_are_divided(store: Store, workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "77")
    run(work.jobs(1, 2), work.threads, store, workers=workers, threads=3)
    run(work.jobs(3), work.threads, store, workers=workers)
    told = {r["key"]: (r["threads"], r["omp"]) for r in store}
    share = max(1, available_cores() // workers)
    assert told == {"1": (3, "3"), "2": (3, "3"), "3": (share, str(share))}


def test_torch_computes_with_the_threads_given(store: Store) -> None:
    import torch

    from gengap.sweep.threads import limited

    before = torch.get_num_threads()
    with limited(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_workers_run_at_the_same_time(store: Store, tmp_path: Path) -> None:
    run(work.jobs(*[(str(tmp_path), n, "abc") for n in "abc"]), work.meet, store, workers=3, timeout_s=60)
    assert len(store.finished(r["key"] for r in store)) == 3


@PROCESSES
def test_standard_output_stays_clean(
    store: Store, workers: int, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # an idle worker of another test, whose standard error is that test's, is not used here
    run(work.jobs("print", "print in C"), work.square, store, workers=workers)
    out, err = capfd.readouterr()
    assert out == ""
    assert all(f"{how} by the work" in err for how in ("printed", "written", "echoed"))


def test_standard_output_stays_clean_in_this_process(store: Store, capfd: pytest.CaptureFixture[str]) -> None:
    print("before", flush=True)
    run(work.jobs("print", "print in C"), lambda *arguments: work.square(*arguments), store)
    print("after", flush=True)
    out, err = capfd.readouterr()
    assert out == "before\nafter\n"
    assert all(f"{how} by the work" in err for how in ("printed", "written", "echoed"))


def test_a_log_gets_a_line_a_job(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    store.put({"key": "1", "status": "done"})
    run(work.jobs(1, 2, "raise", "report"), work.square, store)
    lines = [re.sub(r"about .* left", "about T left", line) for line in capsys.readouterr().err.splitlines()]
    lines = [re.sub(r"\(\d+ s", "(S s", line) for line in lines]
    assert lines == [
        "1 of 4 cells are stored already",
        "[2/4] job 2: done (S s, about T left)",
        "[3/4] job raise: failed: ValueError: no such thing (S s, about T left)",
        "[4/4] job report: done (S s)",
    ]


def test_progress_can_be_silent(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    run(work.jobs(1, "raise"), work.square, store, progress=False)
    assert capsys.readouterr() == ("", "")


def test_interrupt_and_resume_give_the_same_rows(store: Store, tmp_path: Path, capsys) -> None:
    def interrupted(payloads, context):
        if payloads == [3]:
            raise KeyboardInterrupt
        return work.square(payloads, context)

    with pytest.raises(Interrupted, match="run the same command again to go on; 3 of 5 cells are stored"):
        run(work.jobs(*range(5)), interrupted, store, progress=False)
    assert "3 of 5 cells are stored" in capsys.readouterr().err
    assert run(work.jobs(*range(5)), work.square, store).reused == 3
    with Store(tmp_path / "whole.db") as whole:
        run(work.jobs(*range(5)), work.square, whole)
        assert [{**row, "isolation": None} for row in store] == [{**row, "isolation": None} for row in whole]


def test_a_script_without_a_guard_is_not_run_again_by_its_workers(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sweep_work\n"
        "from gengap.store import Store\n"
        "from gengap.sweep import run\n"
        "print('begun')\n"
        f"print(run(sweep_work.jobs(1, 2), sweep_work.square, Store({str(tmp_path / 'rows.db')!r}), workers=2).done)\n"
    )
    script_run = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert (script_run.returncode, script_run.stdout.split()) == (0, ["begun", "2"]), script_run.stderr


def test_work_that_no_worker_can_import_runs_here_and_its_rows_say_so(tmp_path: Path) -> None:
    (tmp_path / "vanishing.py").write_text("def work(payloads, context):\n    return [{'status': 'done'}]\n")
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sweep_work, vanishing\n"
        "from gengap.store import Store\n"
        "from gengap.sweep import Job, run\n"
        f"os.remove({str(tmp_path / 'vanishing.py')!r})\n"
        "def own(payloads, context):\n"
        "    return [{'status': 'done', 'pid': os.getpid()} for _ in payloads]\n"
        "class Odd:\n"
        "    pass\n"
        f"with Store({str(tmp_path / 'rows.db')!r}) as store:\n"
        "    run(sweep_work.jobs(1), vanishing.work, store)\n"
        "    run(sweep_work.jobs(2), own, store)\n"
        "    run([[Job('3', 'odd', Odd())]], sweep_work.threads, store)\n"
        "    run([[Job('4', 'local', lambda: 1)]], sweep_work.threads, store)\n"
        "    print(os.getpid(), store.get('2')['pid'])\n"
        "    for key in '1234':\n"
        "        print(store.get(key)['isolation'])\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pids, *reasons = done.stdout.splitlines()
    assert len(set(pids.split())) == 1
    assert "No module named 'vanishing'" in reasons[0]
    assert reasons[1] == "none: it is defined in the main program"
    assert "Can't get attribute 'Odd'" in reasons[2]
    assert "cannot be sent to another process" in reasons[3]


def test_work_in_this_process_has_a_time_limit_too(store: Store) -> None:
    result = run(work.jobs("sleep", 1), lambda *arguments: work.square(*arguments), store, timeout_s=0.3)
    assert result.failed == (Failure("sleep", "job sleep", "timed-out", "took longer than 0.3 s"),)
    assert store.get("sleep")["isolation"].startswith("none: no other process can import it")


def test_every_accident_of_work_in_this_process_is_a_row(store: Store) -> None:
    accidents = {
        name: why for name, why in ACCIDENTS.items() if name not in ("kill", "crash", "hard exit", "interrupt")
    }
    result = run(work.jobs(1, *accidents), lambda *arguments: work.square(*arguments), store)
    assert {failure.key: (failure.status, failure.reason) for failure in result.failed} == accidents


def test_work_may_have_children_of_its_own(store: Store) -> None:
    run(work.jobs(1), work.children, store)
    assert store.get("1")["code"] == 0


def test_a_row_that_cannot_be_sent_back_is_a_failure(store: Store) -> None:
    (failure,) = run(work.jobs("unpicklable"), work.square, store).failed
    assert failure.reason.startswith("TypeError: A row cannot hold function")


def test_nothing_hangs_for_ever_by_default() -> None:
    from inspect import signature

    assert signature(run).parameters["timeout_s"].default == Options().timeout_s == 24 * 3600


def test_the_end_of_a_worker_is_named_by_its_signal() -> None:
    assert of_exit(-9).status == "out-of-memory"
    assert of_exit(-15).reason == "worker killed by SIGTERM"
    assert of_exit(-40).reason == "worker killed by signal 40"
    assert of_exit(3).reason == "worker ended with exit status 3"


def test_nothing_to_do(store: Store) -> None:
    result = run([], work.square, store, workers=4)
    assert (result.done, result.reused, result.failed) == (0, 0, ())


@pytest.mark.parametrize("bad", [{"workers": 0}, {"threads": -1}, {"timeout_s": 0.0}])
def test_counts_are_above_zero(store: Store, bad: dict) -> None:
    with pytest.raises(InputError, match=f"{next(iter(bad))} is"):
        run(work.jobs(1), work.square, store, **bad)


def test_a_result_of_another_process_stands(store: Store) -> None:
    def meanwhile_elsewhere(payloads, context):
        store.put({"key": "1", "status": "done", "value": "elsewhere"})
        raise OSError("the other process removed the checkpoint")

    result = run(work.jobs(1), meanwhile_elsewhere, store)
    assert (result.done, result.failed) == (1, ())
    assert store.get("1")["value"] == "elsewhere"


def test_each_worker_is_shown_a_gpu_of_its_own_and_keeps_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    run(work.jobs(*range(6)), work.visible_gpu, store, workers=2, gpus=["5", "7"])
    rows = list(store)
    assert {row["gpu"] for row in rows} == {"5", "7"}
    by_process = {row["pid"]: row["gpu"] for row in rows}
    assert all(by_process[row["pid"]] == row["gpu"] for row in rows)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "5,7"


def test_without_named_gpus_a_worker_sees_those_of_this_process(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    run(work.jobs(1), work.visible_gpu, store, workers=1)
    assert store.get("1")["gpu"] == "5,7"
