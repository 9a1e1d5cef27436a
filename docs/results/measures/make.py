"""Every measure of networks that learned and of networks that memorised; writes ``README.md`` and ``measures.csv``.

    python docs/results/measures/make.py

Networks that it has trained, and their measures, are kept in ``GENGAP_HOME``: run again, it trains and measures only
what is missing there. CIFAR-10 is looked for in ``GENGAP_DATA``.
"""

import json
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import page
import pandas as pd
import torch

import gengap
import gengap.models
from gengap.json_text import json_text
from gengap.models import count_parameters
from gengap.store import home
from gengap.train import Execution, Recipe, train

HERE = Path(__file__).parent
EXAMPLES, TESTED, SEARCHED, SEED = 1_000, 500, 250, 0
# Until the training loss is 0.01, where Jiang et al. and Dziugaite et al. stop, so that networks can be compared.
COMMON = {"decay": 1.0, "batch_size": 32, "target_loss": 0.01, "epochs": 200, "snapshots": (0,)}
RECIPES = {
    "MLP": Recipe(model="mlp-1x512", learning_rate=0.01, precision="float32", **COMMON),
    "AlexNet": Recipe(model="alexnet-small", learning_rate=0.01, precision="bfloat16", **COMMON),
    "ResNet-8": Recipe(model="networks:resnet8", learning_rate=0.1, precision="bfloat16", **COMMON),
    "transformer": Recipe(model="networks:PatchTransformer", learning_rate=0.02, precision="float32", **COMMON),
}
LABELS = ("true", "random")


def main() -> None:
    """Trains, measures, writes."""
    (kept := home() / "measures").mkdir(parents=True, exist_ok=True)
    found = [measured(name, labels, kept) for name in RECIPES for labels in LABELS]
    rows = pd.concat([pd.DataFrame(one["rows"]).assign(network=one["network"], labels=one["labels"]) for one in found])
    columns = ["network", "labels", "family", "name", "value", "log_value", "complexity", "status", "reason"]
    columns += ["not_covered", "sign", "rescaling_invariant"]
    listed = rows.assign(not_covered=rows["not_covered"].map(", ".join))
    listed[columns].to_csv(HERE / "measures.csv", index=False, float_format="%.6g")
    (HERE / "README.md").write_text(page.readme(found, rows, conditions()), encoding="utf-8")


def data(labels: str) -> gengap.Problem:
    """The first training images of CIFAR-10, with their labels or with random ones."""
    problem = gengap.load("cifar10").take(EXAMPLES, TESTED)
    return problem if labels == "true" else problem.corrupt("labels", level=1.0, seed=SEED)


def measured(name: str, labels: str, kept: Path) -> dict[str, Any]:
    """What training came to, and a row for each measure; from the file of an earlier run where there is one."""
    file = kept / f"{name}-{labels}.json"
    if not file.exists():
        problem = data(labels)
        state, initial, history = trained(name, problem, file.with_suffix(".pt"))
        model, start = network(name, problem, state), network(name, problem, initial)
        print(f"measuring {name}, {labels} labels", file=sys.stderr)
        began = time.process_time()
        rows = gengap.measure(model, problem, start, seed=SEED, subset=SEARCHED, history=history)
        known = {"network": name, "labels": labels, "parameters": count_parameters(model), "history": history}
        file.write_text(json_text({**known, "rows": rows, "cpu_seconds": time.process_time() - began}))
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def trained(name: str, problem: gengap.Problem, file: Path) -> tuple[Any, Any, Any]:
    """Final and initial weights, and the history."""
    if not file.exists():
        recipe = RECIPES[name]
        layout = "channels_last" if recipe.precision == "bfloat16" else "contiguous"
        execution = Execution(precision=recipe.precision, memory_format=layout)
        told = lambda done, _, text: print(name, problem.steps[-1]["step"], done, text, file=sys.stderr)  # noqa: E731
        checkpoint = file.with_suffix(".checkpoint")
        run = train(problem, recipe, SEED, device="cpu", execution=execution, checkpoint=checkpoint, report=told)
        torch.save((run.weights, run.snapshots[0], run.history), file)
        checkpoint.unlink(missing_ok=True)
    final, initial, history = torch.load(file, weights_only=True)
    return final, initial, history


def network(name: str, problem: gengap.Problem, state: dict[str, torch.Tensor]) -> torch.nn.Module:
    """The network with these weights."""
    model = gengap.models.build(RECIPES[name].model, problem.input_shape, problem.n_classes)
    model.load_state_dict(state)
    return model


def conditions() -> str:
    """When, where and with what."""
    today = datetime.now(UTC).date().isoformat()
    versions = f"Python {platform.python_version()}, torch {torch.__version__}, gengap {gengap.__version__}"
    return f"{today}; AMD EPYC, one core, shared with other work;\n{versions}"


if __name__ == "__main__":
    main()
