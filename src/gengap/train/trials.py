"""Trials: which setting trains fastest here, measured where the recipe leaves it open."""

import platform
import time
import timeit
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from gengap import models
from gengap.data import Problem
from gengap.errors import InputError
from gengap.machine import cpu_name
from gengap.measured_once import measured_once
from gengap.train.execution import Execution
from gengap.train.layouts import has_convolutions
from gengap.train.memory import keep_freed_memory
from gengap.train.recipe import Recipe
from gengap.train.replicas import Replicas

# A faster setting replaces float32 in the plain layout only if it saves at least this part of the time.
WORTHWHILE = 0.1
OPEN_PRECISIONS = ("float32", "bfloat16")  # what a recipe of precision "auto" may be computed in
WARM_UP = 2  # the first steps also allocate memory and choose kernels
TRIAL_STEPS = 5

_CHOSEN: dict[str, Execution] = {}
_TOGETHER: dict[str, bool] = {}


def trial_key(problem: Problem, recipe: Recipe, device: str) -> str:
    """What ``fastest_setting`` depends on: machine, model, shape, what is left open; not on other work there."""
    processor = torch.cuda.get_device_name() if device == "cuda" else f"{platform.machine()} {cpu_name()}"
    shape = "x".join(map(str, problem.input_shape))
    if problem.vocabulary is not None:
        shape += f" of {problem.vocabulary} tokens"
    code = models.fingerprint(recipe.model)
    model = recipe.model if code is None else f"{recipe.model} ({code})"
    return (
        f"{processor}, torch {torch.__version__}: {model} on {shape}, batch {recipe.batch_size}, "
        f"{recipe.precision} precision, {recipe.memory_format} layout"
    )


def chosen_execution(problem: Problem, recipe: Recipe, device: str) -> Execution:
    """The Execution that ``fastest_setting`` chooses, measured once on this machine for each ``trial_key``.

    It is stored in ``executions.json`` in ``gengap.home.home()``; where that cannot be written, it is measured once in
    each process.
    """
    key = trial_key(problem, recipe, device)
    if key not in _CHOSEN:
        allowed = candidates(problem, recipe, device)
        _CHOSEN[key] = allowed[0] if len(allowed) == 1 else _measured(key, problem, recipe, device)
    return _CHOSEN[key]


def _measured(key: str, problem: Problem, recipe: Recipe, device: str) -> Execution:
    outcomes: list[dict[str, Any]] = []

    def measure() -> dict[str, Any]:
        outcomes.append(fastest_setting(problem, recipe, device))
        return outcomes[-1]

    try:
        return measured_once("executions.json", key, measure, lambda outcome: Execution(**outcome["chosen"]))
    except InputError:  # there is no place to store it, which is no reason not to train
        return Execution(**(outcomes or [measure()])[-1]["chosen"])


def faster_together(problem: Problem, recipe: Recipe, runs: int, execution: Execution) -> bool:
    """Whether training is faster with so many runs as replicas of one step than with one after the other.

    It is so on a GPU. On a CPU small networks gain by it and large ones lose, as their stacked weights leave the cache:
    steps of both ways are timed in turn, once on this machine for each model, shape, batch and number of runs, and
    replicas have to save at least a tenth. The outcome is stored where ``chosen_execution`` stores its own.

    Args:
        problem: What is trained on.
        recipe: How.
        runs: How many.
        execution: How it is computed.
    """
    if runs < 2:
        return False
    if execution.device != "cpu":
        return True
    key = (
        f"{runs} runs together or in turn, {execution.precision}, {execution.memory_format}; "
        f"{trial_key(problem, recipe, 'cpu')}"
    )
    if key not in _TOGETHER:
        _TOGETHER[key] = _measured_ways(key, problem, recipe, runs, execution)
    return _TOGETHER[key]


def _measured_ways(key: str, problem: Problem, recipe: Recipe, runs: int, execution: Execution) -> bool:
    outcomes: list[dict[str, Any]] = []

    def measure() -> dict[str, Any]:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            one, all_ = _shortest(
                [stepper(problem, recipe, execution, count) for count in (1, runs)], time.process_time
            )
        finally:
            torch.set_num_threads(threads)
        faster = all_ <= (1 - WORTHWHILE) * runs * one
        outcomes.append({"together": faster, "seconds_per_step": {"one run": one, "together": all_}})
        return outcomes[-1]

    try:
        return measured_once("executions.json", key, measure, lambda outcome: bool(outcome["together"]))
    except InputError:  # there is no place to store it, which is no reason not to train
        return bool((outcomes or [measure()])[-1]["together"])


def fastest_setting(problem: Problem, recipe: Recipe, device: str) -> dict[str, Any]:
    """The Execution chosen for what the recipe leaves open, and the seconds that a step took with each setting.

    The settings take turns. On a CPU they run on one thread and are measured in processor time, which other work on
    the machine hardly changes. The plain setting (float32, contiguous) wins unless another saves at least a tenth.
    """
    keep_freed_memory()
    allowed = candidates(problem, recipe, device)
    seconds = _seconds_per_step(problem, recipe, allowed) if len(allowed) > 1 else [0.0]
    best = min(range(len(allowed)), key=seconds.__getitem__)
    chosen = allowed[best] if seconds[best] <= (1 - WORTHWHILE) * seconds[0] else allowed[0]
    names = [f"{execution.precision} {execution.memory_format}" for execution in allowed]
    return {"chosen": asdict(chosen), "seconds_per_step": dict(zip(names, seconds, strict=True))}


def candidates(problem: Problem, recipe: Recipe, device: str) -> list[Execution]:
    """The settings that a recipe allows, the plain one first."""
    precisions = list(OPEN_PRECISIONS) if recipe.precision == "auto" else [recipe.precision]
    if recipe.winsorize:  # whose ranks are of gradients with all their digits
        precisions = precisions[:1]
    formats = [recipe.memory_format]
    if recipe.memory_format == "auto":
        formats = ["contiguous", "channels_last"] if _has_convolutions(problem, recipe) else ["contiguous"]
    return [Execution(device, precision, layout) for precision in precisions for layout in formats]


def _has_convolutions(problem: Problem, recipe: Recipe) -> bool:
    return has_convolutions(Replicas.initialise(problem, recipe, [0], Execution()).module)


def stepper(problem: Problem, recipe: Recipe, execution: Execution, runs: int = 1) -> Callable[[], float]:
    """A function that does one training step of so many runs on made-up inputs of the Problem's shape.

    It returns the loss of the first.
    """
    keep_freed_memory()
    replicas = Replicas.initialise(problem, recipe, range(runs), execution)
    shape = (runs, recipe.batch_size, *problem.input_shape)
    x = _made_up(problem, shape).to(execution.device)
    x = x.to(execution.dtype) if problem.vocabulary is None else x
    y = torch.zeros(shape[:2], dtype=torch.long, device=execution.device)
    rates = torch.zeros(runs, device=execution.device)
    return lambda: float(replicas.step(x, y, rates)[0][0])


def _made_up(problem: Problem, shape: tuple[int, ...]) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    if problem.vocabulary is None:
        return torch.randn(shape, generator=generator)
    tokens = torch.randint(problem.vocabulary, shape, generator=generator)
    if len(problem.input_shape) > 1:
        tokens[..., 1, :] = 1  # a mask that keeps every position
    return tokens


def _seconds_per_step(problem: Problem, recipe: Recipe, executions: Sequence[Execution]) -> list[float]:
    """The fastest of some steps with each setting."""
    clock = time.perf_counter if executions[0].device == "cuda" else time.process_time
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _shortest([stepper(problem, recipe, execution) for execution in executions], clock)
    finally:
        torch.set_num_threads(threads)


def _shortest(steps: Sequence[Callable[[], float]], clock: Callable[[], float]) -> list[float]:
    """The fastest of some calls of each, which take turns."""
    rounds = [[timeit.timeit(step, timer=clock, number=1) for step in steps] for _ in range(WARM_UP + TRIAL_STEPS)]
    return [min(times) for times in zip(*rounds[WARM_UP:], strict=True)]
