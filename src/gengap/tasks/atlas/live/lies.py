"""How many labels are lies."""

from collections.abc import Mapping

from gengap.studies.evidence import Recorded
from gengap.tasks.atlas.live.piece import Piece

_STUDY = "zhang2017/figure1c"
_NAMES = {
    "mlp-1x512": "perceptron, one hidden layer",
    "mlp-3x512": "perceptron, three hidden layers",
    "alexnet-small": "small AlexNet",
    "inception-small": "small Inception",
}
_FEWEST = 3  # levels of a network that make a curve


def lies(recorded: Mapping[str, Recorded]) -> Piece | None:
    """Training and test error over the share of labels that were replaced; None where no rows are recorded."""
    if _STUDY not in recorded:
        return None
    rows = [
        row for row in recorded[_STUDY].outcome.rows if row["status"] == "done" and row["train_accuracy"] is not None
    ]
    networks = []
    for model in dict.fromkeys(row["model"] for row in rows):
        points = [
            {"level": row["level"], "train": 1 - row["train_accuracy"], "test": 1 - row["test_accuracy"]}
            for row in sorted(rows, key=lambda row: row["level"])
            if row["model"] == model
        ]
        if len({point["level"] for point in points}) >= _FEWEST:
            networks.append({"name": _NAMES.get(model, model), "points": points})
    if not networks:
        return None
    chance = 1 - 1 / rows[0]["n_classes"]
    return Piece(
        name="lies",
        title="How many labels are lies?",
        lead="Replace ever more labels by random ones: the training error stays near 0, the test error climbs.",
        alternative="One handle sets the share of training labels that were drawn at random; two curves show training "
        "error, which stays near 0, and test error, which rises to that of guessing.",
        data={"networks": networks, "chance": chance, "label": "Training and test error by share of replaced labels"},
        sources=(f"{_STUDY} at {recorded[_STUDY].outcome.scale} scale, one seed: {recorded[_STUDY].place}.",),
        judged=recorded[_STUDY],
    )
