"""What a recipe leaves open is measured; what it fixes is kept."""

from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from gengap.data import Problem
from gengap.home import home
from gengap.train import Execution, Recipe, chosen_execution, fastest_setting, trial_key
from gengap.train import trials as module


def test_a_recipe_that_fixes_everything_is_not_measured(tiny: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_seconds_per_step", None)
    recipe = Recipe(precision="float64", memory_format="contiguous")
    assert fastest_setting(tiny, recipe, "cpu")["chosen"] == asdict(Execution("cpu", "float64", "contiguous"))


def test_candidates_are_what_the_recipe_leaves_open(tiny: Problem) -> None:
    def settings(**fixed: str) -> list[tuple[str, str]]:
        recipe = Recipe(**{"model": "alexnet-small", **fixed})
        return [(e.precision, e.memory_format) for e in module.candidates(tiny, recipe, "cpu")]

    assert settings() == [
        ("float32", "contiguous"),
        ("float32", "channels_last"),
        ("bfloat16", "contiguous"),
        ("bfloat16", "channels_last"),
    ]
    assert settings(precision="bfloat16") == [("bfloat16", "contiguous"), ("bfloat16", "channels_last")]
    assert settings(model="mlp-1x512") == [("float32", "contiguous"), ("bfloat16", "contiguous")]


@pytest.mark.parametrize(
    ("seconds", "chosen"), [([1.0, 0.95], "float32"), ([1.0, 0.85], "bfloat16"), ([1.0, 2.0], "float32")]
)
def test_the_plain_setting_stays_unless_another_saves_a_tenth(
    tiny: Problem, monkeypatch: pytest.MonkeyPatch, seconds: list[float], chosen: str
) -> None:
    monkeypatch.setattr(module, "_seconds_per_step", lambda *_: seconds)
    assert fastest_setting(tiny, Recipe(), "cpu")["chosen"]["precision"] == chosen


def test_a_real_trial_measures_every_candidate_and_restores_the_threads(tiny: Problem) -> None:
    before = torch.get_num_threads()
    measured = fastest_setting(tiny, Recipe(model="alexnet-small", batch_size=4), "cpu")
    assert torch.get_num_threads() == before
    assert len(measured["seconds_per_step"]) == 4
    assert all(seconds > 0 for seconds in measured["seconds_per_step"].values())
    assert Execution(**measured["chosen"]).precision in ("float32", "bfloat16")


def test_the_key_tells_apart_what_a_recipe_fixes(tiny: Problem) -> None:
    keys = {trial_key(tiny, recipe, "cpu") for recipe in (Recipe(), Recipe(precision="float32"), Recipe(batch_size=8))}
    assert len(keys) == 3
    assert trial_key(tiny, Recipe(learning_rate=1.0), "cpu") in keys


def test_a_trial_is_made_once_on_a_machine(tiny: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHOSEN", {})
    monkeypatch.setattr(module, "_seconds_per_step", lambda *_: [1.0, 0.5])
    first = chosen_execution(tiny, Recipe(), "cpu")
    assert first.precision == "bfloat16"
    monkeypatch.setattr(module, "_CHOSEN", {})  # as in another process
    monkeypatch.setattr(module, "_seconds_per_step", lambda *_: [1.0, 2.0])
    assert chosen_execution(tiny, Recipe(), "cpu") == first
    assert (home() / "executions.json").exists()


def test_where_nothing_can_be_stored_a_trial_is_made_once_in_a_process(
    tiny: Problem, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GENGAP_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(module, "_CHOSEN", {})
    trials = []
    monkeypatch.setattr(module, "_seconds_per_step", lambda *_: trials.append(1) or [1.0, 0.5])
    assert {chosen_execution(tiny, Recipe(), "cpu").precision for _ in range(3)} == {"bfloat16"}
    assert len(trials) == 1
