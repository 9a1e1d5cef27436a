"""Epochs under each optimiser are paired rightly, and both sides train."""

import argparse
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2]))
from benchmarks import optimisers
from benchmarks.images import made_up


def test_ratios_are_those_to_the_fastest_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = iter([9.0, 1.0, 2.0, 3.0])  # the first round is a warm-up
    theirs = {"loop": iter([9.0, 4.0, 4.0, 4.0]), "foreach": iter([9.0, 2.0, 2.0, 2.0]), "fused": iter([9.0, 3, 3, 3])}
    monkeypatch.setattr(optimisers, "images", lambda *sizes: made_up().take(10, 1))
    monkeypatch.setattr(optimisers, "NETWORKS", {"mlp-1x512": 10})
    monkeypatch.setattr(optimisers, "RULES", {"Adam": optimisers.RULES["Adam"]})
    monkeypatch.setattr(optimisers, "gengap_epoch", lambda *_: next(ours))
    monkeypatch.setattr(optimisers, "plain_epoch", lambda network, rule, setting, problem: next(theirs[setting]))
    found = optimisers.run(argparse.Namespace(images=None, rounds=3))
    (one,) = found["comparisons"]
    assert one["best"] == "foreach"
    assert one["ratio"]["all"] == [0.5, 1.0, 1.5]
    (line,) = optimisers.lines(found)
    assert line.wanted == "<= 1.15: reached"
    assert line.limit == ""
    found |= {"machine": {"threads": 2, "peaks": {"float32": 2e9}}}
    seconds = 10 * found["training_flops_per_image"]["mlp-1x512"] / 1e9
    assert optimisers.lines(found)[0].limit == f"{seconds:.3g} s of processor time: its operations in float32"


@pytest.mark.parametrize("name", optimisers.RULES)
def test_both_sides_run_under_every_rule(name: str) -> None:
    rule, problem = optimisers.RULES[name], made_up().take(200, 1)
    assert optimisers.gengap_epoch("mlp-1x512", rule, problem) > 0
    assert all(optimisers.plain_epoch("mlp-1x512", rule, setting, problem) > 0 for setting in rule.settings())
    assert ("fused" in rule.settings()) == (name != "RMSprop")
