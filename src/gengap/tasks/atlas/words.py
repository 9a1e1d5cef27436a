"""The sentences of the atlas."""

from gengap.studies.evidence import Recorded
from gengap.studies.study import Study
from gengap.verdicts import whole_claim

SITE = "gengap atlas"
LEAD = (
    "Networks that can memorise anything still learn. Here is what a body of work says about why, each claim with its "
    "paper's numbers beside ours, what later work says against it, and the command that runs it."
)
HOW_TO_READ = (
    "Only results at paper scale may be judged against a paper. Those at desk scale, made on a small machine, are "
    "indications: they show whether the claim holds in a smaller setting, whose differences each page lists."
)


def state(recorded: Recorded | None) -> str:
    """Whether the claim holds in the recorded rows, in a few words."""
    if recorded is None:
        return "not run yet"
    finding = whole_claim(recorded.outcome.claim_parts())
    return f"{recorded.outcome.scale} scale: {finding}"


def command(study: Study, scale: str) -> str:
    """The command that makes a study's results."""
    return f"gengap study run {study.name} --scale {scale} --out {study.name.replace('/', '-')}"


def origin(recorded: Recorded) -> str:
    """Where and when the rows were made, as far as the report says."""
    made = recorded.provenance
    if not made:
        return (
            f"The rows are those of {recorded.place}; a README there or in the folder above it, if there is one, names "
            "machine and date."
        )
    return (
        f"Made on {made['date']} with {made['versions']} on {made['machine']}; the rows are those of {recorded.place}."
    )
