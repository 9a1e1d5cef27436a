"""Parts that differentiate: how far the gradients of examples agree, and how curved the loss is."""

import time

import torch

from gengap.network.inputs import examples
from gengap.probes import curvature
from gengap.report import Fact, Facts, Text, plain
from gengap.tasks.audit.part import TOO_LONG, Budget, LeftOut, Part
from gengap.tasks.audit.subject import AuditSubject
from gengap.tasks.probe import ProbeSubject
from gengap.tasks.probe.coherence import probe_coherence
from gengap.tasks.probe.curvature import NOTES

FULL_COHERENCE, ORDINARY_COHERENCE, QUICK_COHERENCE, LEAST_COHERENCE = 2_000, 1_000, 250, 30  # examples
QUICK_SHARE = 10  # seconds: a part that may take less has the examples of --quick
OVER_SHARE = 2  # times its share that coherence may take before its examples are halved
MOST_CURVATURE, LEAST_CURVATURE = 512, 16
PRODUCTS = 160  # with the Hessian: Lanczos' steps and the probes of the trace
PROBES = 20
STEP_OVER_PASS = 3.0  # of a forward and backward pass over a forward one
COHERENCE_STEPS = 2.6  # forward and backward passes that the two passes of coherence cost an example
PRODUCT_OVER_STEP = 2.5  # of a product with the Hessian over a forward and backward pass


def seconds_of_step(subject: AuditSubject) -> float:
    """Of a forward and backward pass of one example."""
    network = subject.module()
    x, y = examples(subject.problem, slice(32), network)
    started = time.perf_counter()
    with torch.enable_grad():
        loss = torch.nn.functional.cross_entropy(network(x), y)
        torch.autograd.grad(loss, list(network.parameters()), allow_unused=True)
    return (time.perf_counter() - started) / len(y)


def coherence_part(subject: AuditSubject, budget: Budget) -> Part:
    """How far the gradients of training examples agree."""
    network, known = subject.module(), len(subject.trained())
    each = COHERENCE_STEPS * seconds_of_step(subject)
    count = coherence_examples(budget, each, known)
    problem, _ = subject.sampled(count, "coherence")
    done = [0]

    def told(examples_done: int, what: str) -> None:
        done[0] += examples_done
        budget.tell(f"coherence: {what}", done[0] / (2 * count), "coherence")

    answer = probe_coherence(ProbeSubject(network, problem, None, {"seed": subject.seed}), progress=told)
    return Part(
        "coherence",
        "",
        answer.sentence,
        answer.values,
        lambda: [Facts(list(answer.facts)), answer.figure, Text(answer.notes)],
        f"{count:,} training examples",
        "partial" if answer.status != "ok" else "ok",
        answer.reason or "",
        answer.not_covered,
    )


def coherence_examples(budget: Budget, seconds_each: float, known: int) -> int:
    """Training examples of coherence: a fixed number for each mode, so that two audits compare.

    m-coherence grows with their number. Where the time is too short by far the number is halved, as often as needed.

    Args:
        budget: Of the audit, which says the mode.
        seconds_each: That an example takes.
        known: Examples that there are.
    """
    seconds = budget.of("coherence")
    count = QUICK_COHERENCE if seconds < QUICK_SHARE else ORDINARY_COHERENCE
    count = min(FULL_COHERENCE if budget.seconds is None else count, known)
    while count > LEAST_COHERENCE and count * seconds_each > OVER_SHARE * seconds:
        count = max(count // 2, min(LEAST_COHERENCE, known))
    return count


def curvature_part(subject: AuditSubject, budget: Budget) -> Part:
    """The largest eigenvalues and the trace of the Hessian of the mean loss."""
    network, known = subject.module(), len(subject.trained())
    each = PRODUCTS * PRODUCT_OVER_STEP * seconds_of_step(subject)
    least = min(LEAST_CURVATURE, known)
    if least * each > TOO_LONG * budget.of("curvature"):
        raise LeftOut(f"on {least} examples it would take about {least * each:.0f} s; --full has no limit")
    count = budget.affordable("curvature", each, min(MOST_CURVATURE, known), least=least)
    problem, _ = subject.sampled(count, "curvature")
    found = curvature(network, problem, eigenvalues=3, probes=PROBES, layers=False, seed=subject.seed)
    top, trace = found.whole.largest[0], found.whole.trace
    reasons = [
        *([] if found.converged else ["eigenvalues are not converged"]),
        *([found.reason] if found.reason else []),
    ]
    values = {
        "largest_eigenvalues": list(found.whole.largest),
        "smallest_eigenvalue": found.whole.smallest,
        "smallest_eigenvalue_residual": found.whole.smallest_residual,
        "residual": found.whole.residual,
        "trace": trace,
        "trace_error": found.whole.trace_error,
    }
    return Part(
        "curvature",
        "",
        f"The largest eigenvalue of the Hessian of the mean loss is {plain(top)}, its trace {plain(trace)} "
        f"± {plain(found.whole.trace_error)}.",
        values,
        lambda: [
            Facts(
                [
                    Fact("Largest eigenvalue", plain(top), f"residual {found.whole.residual:.1g}"),
                    Fact(
                        "Smallest eigenvalue",
                        plain(found.whole.smallest),
                        f"residual {found.whole.smallest_residual:.1g}",
                    ),
                    Fact("Trace", plain(trace), f"± {plain(found.whole.trace_error)}"),
                ]
            ),
            Text(NOTES[:1]),
        ],
        f"{count:,} training examples",
        "ok" if not reasons else ("partial" if found.converged else "not converged"),
        "; ".join(reasons),
        found.not_covered,
    )
