"""Recipe: everything that turns a training set into a network, but chance."""

import hashlib
import json
import math
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gengap.errors import InputError, exact

Precision = Literal["auto", "float32", "bfloat16", "float64"]
MemoryFormat = Literal["auto", "contiguous", "channels_last"]

# Fields that came after recipes were first stored: where they are not used, a recipe keeps the hash that it had.
LATER = ("snapshot_loss", "winsorize")


class Recipe(BaseModel):
    """A whole training recipe; frozen, validated, and identified by its ``hash``.

    The defaults are those of Zhang et al. 2017 (section "Experimental setup"): SGD with momentum 0.9, minibatches of
    128 (which their figures imply), the learning rate multiplied by 0.95 every 391 steps, their epoch.
    Weight decay enters the gradient (``g + weight_decay * w``) for every parameter. With ``winsorize`` g is the
    winsorised mean over the minibatch (see ``gengap.train.WinsorizedSGD``); a last one too small to clip anything has
    the plain mean.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Annotated[str, Field(description="a named model or module.path:factory")] = "mlp-1x512"
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.01
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    batch_size: Annotated[int, Field(ge=1)] = 128
    decay: Annotated[float, Field(gt=0, le=1, description="learning-rate factor each `decay_steps` steps")] = 0.95
    decay_steps: Annotated[int, Field(ge=1)] = 391

    winsorize: Annotated[
        float, Field(ge=0, le=50, description="percentile c of each minibatch's gradients that is clipped at both ends")
    ] = 0.0
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    random_crop: Annotated[bool, Field(description="crop at a random place in training instead of the centre")] = False
    flip: Annotated[bool, Field(description="mirror each training image with probability 1/2")] = False

    epochs: Annotated[int, Field(ge=1, description="train no longer than this")] = 100
    target_loss: Annotated[float | None, Field(ge=0, description="stop at this training loss")] = None
    interpolate: Annotated[bool, Field(description="stop once every training label is fitted")] = False
    evaluate_every: Annotated[int, Field(ge=1, description="epochs between evaluations on all data")] = 1
    snapshots: Annotated[tuple[int, ...], Field(description="epochs whose weights the Run keeps")] = ()
    snapshot_loss: Annotated[
        float | None, Field(ge=0, description="keep the weights of the epoch whose training loss is nearest to this")
    ] = None

    precision: Precision = "auto"
    memory_format: MemoryFormat = "auto"

    @model_validator(mode="after")
    def _snapshots_within_epochs(self) -> Self:
        if any(not 0 <= epoch <= self.epochs for epoch in self.snapshots):
            raise ValueError(f"snapshots lie between 0 and epochs = {self.epochs}")
        return self

    @model_validator(mode="after")
    def _winsorized_gradients(self) -> Self:
        if self.winsorize and self.precision == "bfloat16":
            raise ValueError("winsorize computes in float32 or float64")
        if self.winsorize and self.dropout:
            raise ValueError("winsorize needs dropout 0, whose gradients of examples are not random")
        if self.winsorize and math.floor(self.winsorize * self.batch_size / 100 + 1e-9) == 0:
            least = math.ceil(100 / self.winsorize - 1e-9)
            raise ValueError(f"winsorize = {exact(self.winsorize)} clips nothing of fewer than {least} examples")
        return self

    @classmethod
    def parse(cls, values: dict[str, object]) -> "Recipe":
        """A Recipe from untrusted values, with one message for all that is wrong.

        Raises:
            InputError: A name that no Recipe has, or a value outside its range.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'recipe'}: {e['msg']}" for e in error.errors())
            raise InputError(f"Recipe: {wrong}.", expected=f"the fields {', '.join(cls.model_fields)}") from None

    @property
    def hash(self) -> str:
        """Identity of the recipe, 16 hexadecimal digits of the hash of its fields.

        Never cached: ``model_copy(update=…)`` would hand the cached value on to a recipe of other fields.
        """
        fields = self.model_dump(mode="json")
        for name in LATER:
            if fields[name] == type(self).model_fields[name].default:
                del fields[name]
        text = json.dumps(fields, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of step ``step`` (the first is 0): a staircase, as the decay is once per 391 steps."""
        return float(self.learning_rate * self.decay ** (step // self.decay_steps))
