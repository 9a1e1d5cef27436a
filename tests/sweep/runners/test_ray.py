"""Sweeps on a real Ray cluster: the same rows as on this machine, whatever is killed."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import ray_work
import sweep_work as work

from gengap.errors import InputError
from gengap.store import Store
from gengap.sweep import Interrupted, Job, Share, available_cores, isolated, on_node, run
from gengap.sweep.runners import ray as runner

pytestmark = pytest.mark.usefixtures("cluster")


def test_rows_are_those_of_this_machine(store: Store, tmp_path: Path) -> None:
    units = work.jobs(1, 2, "raise", "memory", "hard exit", "kill", "set", "sleep", model="mlp")
    units += [[Job("a", "first", 3), Job("b", "second", 4)]]
    share = Share()
    there = run(units, work.square, store, ray=share, timeout_s=1.0)
    with Store(tmp_path / "here.db") as local:
        here = run(units, work.square, local, timeout_s=1.0)
        assert sorted(store, key=lambda row: row["key"]) == sorted(local, key=lambda row: row["key"])
    assert (there.done, there.reused) == (here.done, here.reused) == (4, 0)
    assert set(there.failed) == set(here.failed)
    again = run([[Job(u[0].key, "", 5)] for u in units], work.square, store, ray=share)
    assert (again.done, again.reused, again.failed) == (6, 3, ())


def test_files_travel_through_the_object_store(store: Store, tmp_path: Path, capfd) -> None:
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("of a")
    (folder / "sub" / "b.txt").write_text("")
    elsewhere = tmp_path / "elsewhere.txt"
    elsewhere.write_text("of another")
    files = [folder / "a.txt", folder / "sub" / "b.txt", elsewhere]
    run([[Job(file.name, file.name, file)] for file in files], ray_work.read, store, ray=Share(), folder=folder)
    rows = {row["key"]: row for row in store}
    assert {key: row["text"] for key, row in rows.items()} == {
        "a.txt": "of a",
        "b.txt": "",
        "elsewhere.txt": "of another",
    }
    assert rows["elsewhere.txt"]["where"] == str(elsewhere)
    for name in ("a.txt", "b.txt"):
        where = Path(rows[name]["where"])
        assert not where.is_relative_to(tmp_path)
        assert not where.exists()  # the copy is removed at the end
        assert Path(rows[name]["checkpoint"]).is_relative_to(store.path.parent)  # a folder that the node sees
    assert capfd.readouterr().out == ""


def test_a_unit_whose_ray_worker_is_killed_runs_again(store: Store, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(runner, "ATTEMPTS", 2)
    units = [[Job("once", "", (str(tmp_path / "once"), 1))], [Job("always", "", (str(tmp_path / "always"), 99))]]
    for unit in units:
        (tmp_path / unit[0].key).mkdir()
    result = run(units, ray_work.kill_the_ray_worker, store, ray=Share())
    assert store.get("once")["value"] == 1
    (failure,) = result.failed
    assert (failure.key, failure.status) == ("always", "failed")
    assert failure.reason.startswith(f"its node or Ray worker was lost {runner.ATTEMPTS} times")
    assert len(list((tmp_path / "always").iterdir())) == runner.ATTEMPTS


def _wait_until(condition: Callable[[], bool]) -> bool:
    give_up = time.monotonic() + 120
    while not condition() and time.monotonic() < give_up:
        time.sleep(0.02)
    return condition()


def _when(condition: Callable[[], bool], action: Callable[[], None]) -> None:
    threading.Thread(target=lambda: _wait_until(condition) and action(), daemon=True).start()


def test_ctrl_c_stops_what_runs_and_the_next_start_completes(store: Store, tmp_path: Path) -> None:
    units = [[Job(str(i), "", (str(tmp_path), i, 2))] for i in range(5)]
    begun = lambda: list(tmp_path.glob("begun-*"))  # noqa: E731
    _when(lambda: len(begun()) == 2, lambda: os.kill(os.getpid(), signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts behind & ignores Ctrl-C
    try:
        with pytest.raises(Interrupted, match="2 of 5 cells are stored"):
            run(units, ray_work.begin_and_wait, store, ray=Share(), progress=False)
    finally:
        signal.signal(signal.SIGINT, before)
    pids = [int(file.name.rpartition("-")[2]) for file in begun()]
    assert len(pids) == 2
    assert _wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
    (tmp_path / "go on").touch()
    again = run(units, ray_work.begin_and_wait, store, ray=Share(), progress=False)
    assert (again.done, again.reused, again.failed) == (3, 2, ())


def test_units_of_a_node_that_is_removed_run_elsewhere(store: Store, tmp_path: Path, cluster) -> None:
    second = cluster.add_node(num_cpus=2, object_store_memory=80 << 20)
    units = [[Job(str(i), "", (str(tmp_path), i, 0))] for i in range(6)]

    def remove() -> None:
        cluster.remove_node(second)
        (tmp_path / "go on").touch()

    _when(lambda: len(list(tmp_path.glob("begun-*"))) == 4, remove)
    result = run(units, ray_work.begin_and_wait, store, ray=Share(), progress=False)
    assert (result.done, result.failed) == (6, ())
    assert len(list(tmp_path.glob("begun-*"))) == 8  # two of them twice
    assert sorted(row["value"] for row in store) == list(range(6))


def test_only_a_window_of_units_is_with_ray(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    most = []
    ended = runner._ended

    def counted(ray, sent):
        most.append(len(sent))
        return ended(ray, sent)

    monkeypatch.setattr(runner, "_ended", counted)
    assert run(work.jobs(*range(30)), work.square, store, ray=Share(), progress=False).done == 30
    assert max(most) == 4  # twice the CPUs
    most.clear()
    assert run(work.jobs(*range(30, 36)), work.square, store, ray=Share(at_once=1), progress=False).done == 6
    assert max(most) == 1


def test_data_that_do_not_fit_are_refused_before_they_are_sent(store: Store, tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(InputError, match=r"takes 1,073,741,824 bytes; the object store of node .* holds 83,886,080"):
        run([[Job("1", "", large)]], ray_work.read, store, ray=Share(), folder=tmp_path)
    assert store.finished(["1"]) == set()


def test_a_unit_sees_the_gpus_of_its_share_and_no_others(store: Store) -> None:
    for key, share in {"half": Share(1, 0.5), "none": Share(2), "whole": Share(1, 1.0)}.items():
        run([[Job(key, "", None)]], ray_work.visible, store, ray=share)
    assert {row["key"]: (row["gpus"], row["threads"]) for row in store} == {
        "half": ("0", 1),
        "none": ("", 2),
        "whole": ("0", 1),
    }


def test_cells_trained_on_a_node_are_those_of_this_machine(store: Store, tmp_path: Path) -> None:
    from gengap import cells, load
    from gengap.train import Recipe

    problem = load("digits").take(200, 50)
    recipe = Recipe(model="mlp-1x512", epochs=2, precision="float32", memory_format="contiguous")
    grid = [cells.Cell(problem, recipe, 1, "labels", level) for level in (0.0, 1.0)]
    there, result = cells.run(grid, store, cells.Options(device="cpu", progress=False, ray=Share()))
    assert (result.done, result.failed) == (2, ())
    with Store(tmp_path / "here.db") as local:
        here, _ = cells.run(grid, local, cells.Options(device="cpu", progress=False, workers=available_cores()))
    assert [_without_times(row) for row in there] == [_without_times(row) for row in here]


def _without_times(row: dict) -> dict:
    epochs = [{name: value for name, value in epoch.items() if name != "seconds"} for epoch in row["history"]]
    return {name: value for name, value in row.items() if name != "seconds"} | {"history": epochs}


def test_more_cpus_than_a_node_has_are_refused(store: Store) -> None:
    with pytest.raises(InputError, match=r"asks for 64 CPUs and 0 GPUs, which no node .* 2 CPUs, 1 GPUs"):
        run(work.jobs(1), work.square, store, ray=Share(64))


def test_a_module_that_no_node_has_is_a_failure_of_the_row(store: Store, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "vanishing_work.py").write_text("def work(payloads, context):\n    return [{'status': 'done'}]\n")
    monkeypatch.syspath_prepend(tmp_path)
    import vanishing_work

    (tmp_path / "vanishing_work.py").unlink()
    (failure,) = run(work.jobs(1), vanishing_work.work, store, ray=Share()).failed
    assert "no other process can import it (ModuleNotFoundError: No module named 'vanishing_work')" in failure.reason


def test_a_function_is_called_on_a_node() -> None:
    (pid, value), (here, _) = on_node(Share(), work.pid_and, 3), isolated("mine", work.pid_and, 3)
    assert value == 3
    assert pid not in (os.getpid(), here)
    with pytest.raises(InputError, match=r"sweep_work\.segfault on a node: worker killed by SIGSEGV"):
        on_node(Share(), work.segfault)
    with pytest.raises(InputError) as caught:
        on_node(Share(), work.refuse)
    assert caught.value.next_step == "ask again"
