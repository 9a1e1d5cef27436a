"""The benchmarks count, pair and tell rightly; how fast anything is, no test says."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from gengap.data import Preprocessing, Problem, Split
from gengap.measures import all_measures

sys.path.append(str(Path(__file__).parents[2]))
from benchmarks import __main__ as command
from benchmarks import epoch, images, machine, measures, replicas, store, sweep
from benchmarks.table import Line


@pytest.fixture
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 256, (10, 3, 32, 32), dtype=np.uint8)
    y = np.arange(256) % 10
    split = Split(patterns[y], y)
    problem = Problem("few", split, split, tuple("abcdefghij"), preprocessing=Preprocessing(28, "whiten"))
    monkeypatch.setattr(images, "_all", lambda: problem)


@pytest.fixture(autouse=True)
def small_peaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Peaks of small products, which take no time."""
    monkeypatch.setattr(machine, "SIDE", 64)


def test_work_of_a_training_step_by_hand() -> None:
    first, second = 2352 * 512, 512 * 10
    forward, weights, inputs = first + second, first + second, second  # the images need no gradient
    assert epoch.flops_per_image("mlp-1x512") == 2 * (forward + weights + inputs)


@pytest.mark.usefixtures("few_images")
@pytest.mark.parametrize("side", epoch.SIDES)
def test_each_side_learns_what_is_easy(side: str) -> None:
    outcome = epoch.SIDES[side]("mlp-1x512", 256, 0)
    assert outcome.accuracy == 1
    assert outcome.seconds > 0


@pytest.mark.usefixtures("few_images")
def test_no_more_is_evaluated_than_a_network_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(epoch.NETWORKS, "mlp-1x512", epoch.Network("mlp-1x512", 256, {}, test_images=20))
    problem = epoch._images("mlp-1x512", 64)
    assert (len(problem.train), len(problem.test)) == (64, 20)


def test_ratios_are_paired(monkeypatch: pytest.MonkeyPatch) -> None:
    def outcomes(*seconds: float) -> list[epoch.Outcome]:
        return [epoch.Outcome(s, 0.5) for s in seconds]

    done = {"gengap": outcomes(1, 2, 10), "DataLoader": outcomes(4, 6, 50)}
    monkeypatch.setattr(machine, "has_matrix_units", lambda: True)
    ratio = epoch._ratio(epoch.NETWORKS["mlp-1x512"], "DataLoader", done)
    assert ratio["all"] == [4, 3, 5]
    assert ratio["median"] == 4
    assert ratio["verdict"] == ">= 3 x: reached"


@pytest.mark.usefixtures("few_images")
def test_replicas_are_timed_against_one_after_the_other() -> None:
    found = replicas.run(128, 1, device="cpu", replicas=2)
    seconds = found["one_after_the_other_seconds"]["median"], found["together_seconds"]["median"]
    assert found["ratio"]["median"] == pytest.approx(seconds[0] / seconds[1])
    assert "2 x mlp-1x512" in replicas.lines(found)[0].what


def test_made_up_images_have_cifars_size() -> None:
    problem = images.made_up()
    assert problem.train.x.shape == (50_000, 3, 32, 32)
    assert problem.test.x.shape == (10_000, 3, 32, 32)


def test_results_are_written_with_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = command.Benchmark(lambda options: {"x": options.rounds}, lambda found: [])
    monkeypatch.setitem(command.BENCHMARKS, "certify", made)
    command.main(["certify", "--rounds", "2", "--out", str(tmp_path)])
    found = json.loads((tmp_path / "certify.json").read_text())
    assert found["x"] == 2
    assert found["machine"].keys() >= {"processor", "cores", "instruction_sets", "memory_gib", "torch", "date"}
    assert found["machine"]["peaks"].keys() >= {"float64", "float32"}
    assert "gengap" in capsys.readouterr().out


def test_results_of_each_kind_of_machine_stand_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = command.Benchmark(lambda options: {}, lambda found: [Line("work", "1 s", limit="0.5 s")])
    monkeypatch.setitem(command.BENCHMARKS, "certify", made)
    monkeypatch.setattr(command, "RESULTS", tmp_path)
    for processor, units in (("Intel(R) Xeon(R) Processor", ["avx2", "amx_bf16"]), ("AMD EPYC 7B13 CPU @ 2.4GHz", [])):
        facts = {"processor": processor, "instruction_sets": units, "gpu": None}
        monkeypatch.setattr(machine, "facts", lambda facts=facts: facts)
        command.main(["certify"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["amd-epyc-7b13", "intel-xeon-amx"]
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("intel-xeon-amx", "amd-epyc-7b13", "0.5 s", "GFLOP/s in float32"))
    gpu = {"processor": "aarch64", "instruction_sets": ["sme"], "gpu": "NVIDIA H200"}
    assert machine.kind(gpu) == "aarch64-sme-nvidia-h200"


def test_an_obstacle_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command.torch.cuda, "is_available", lambda: False)
    command.main(["replicas-gpu", "--out", str(tmp_path)])
    assert "replicas-gpu: skipped, PyTorch sees no CUDA device" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [["nonsense"], ["--images", "0"]])
def test_bad_options_exit_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        command.main(arguments)
    assert end.value.code == 2


def test_stores_and_sweeps_are_measured_on_what_was_asked_for(tmp_path: Path) -> None:
    found = store.run((400,))["stores"][0]
    assert found["finished"]["answers"] > 0
    assert found["study"]["answers"] == 400
    once = sweep.measured(1, 20, tmp_path)
    assert (once["done"], once["stored"]) == (20, 20)


@pytest.mark.usefixtures("few_images")
def test_the_default_call_is_told_with_its_time_and_how_true_its_bar_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        measures, "cifar_resnet18", lambda: nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), nn.Linear(48, 10))
    )
    monkeypatch.setattr(measures, "available_cores", lambda: 1)
    found = measures.default_call(20, 1)
    assert (found["images"], found["searched"], found["measures"]) == (20, 20, len(all_measures()))
    assert len(found["seconds"]["all"]) == 1
    assert 0 <= found["bar"]["min"] <= found["bar"]["max"] <= 1
    assert sum(found["statuses"].values()) == found["measures"]
    slow = {**found, "seconds": {"median": 121.0, "min": 121.0, "max": 121.0}}
    assert [line.wanted for each in (found, slow) for line in measures.default_lines(each)] == [
        "<= 120 s: reached",
        "<= 120 s: missed",
    ]
