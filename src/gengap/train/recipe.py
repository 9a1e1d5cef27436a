"""Recipe: everything that turns a training set into a network, but chance."""

import hashlib
import json
import math
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gengap.errors import InputError, exact, unknown
from gengap.train.optimizers import DECOUPLED, FIELDS, SGD, Adam, Optimizer, OptimizerName, RMSprop
from gengap.train.schedules import Schedule, cosine, warm_up

Precision = Literal["auto", "float32", "bfloat16", "float64"]
MemoryFormat = Literal["auto", "contiguous", "channels_last"]

# Fields that came after recipes were first stored: where they are not used, a recipe keeps the hash that it had.
LATER = (
    "snapshot_loss",
    "winsorize",
    "optimizer",
    "nesterov",
    "beta1",
    "beta2",
    "smoothing",
    "epsilon",
    "schedule",
    "decay_epochs",
    "warm_up_epochs",
    "gradient_clip",
    "loss",
    "label_smoothing",
    "mixup",
    "pad",
    "rotation",
    "darc1",
    "top_k",
)
STAIRCASE = ("decay", "decay_steps", "decay_epochs")  # fields of that schedule alone
Loss = Literal["cross_entropy", "squared"]

MOST = 2**31 - 1  # of anything counted: what PyTorch and a loop can use


class Recipe(BaseModel):
    r"""A whole training recipe; frozen, validated, and identified by its ``hash``.

    The defaults are those of Zhang et al. 2017 (section "Experimental setup"): SGD with momentum 0.9, minibatches of
    128 (which their figures imply), the learning rate multiplied by 0.95 every 391 steps, their epoch.
    Weight decay enters the gradient (``g + weight_decay * w``) for every parameter; with AdamW it is decoupled and
    shrinks the weights instead. A field that the optimizer or the schedule does not have is refused. With
    ``winsorize`` g is the winsorised mean over the minibatch (see ``gengap.train.WinsorizedSGD``); a last minibatch
    too small to clip anything has the plain mean. ``darc1`` adds :math:`\lambda \max_k \frac1B \sum_i |f_k(x_i)|`
    over the B examples of a minibatch to what is minimised (Kawaguchi et al. 2017, DARC1); measured losses are without
    it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Annotated[str, Field(description="a named model or module.path:factory")] = "mlp-1x512"
    batch_size: Annotated[int, Field(ge=1, le=MOST)] = 128
    loss: Annotated[
        Loss, Field(description="cross entropy, or the mean over classes of the squared distance to the one-hot label")
    ] = "cross_entropy"
    label_smoothing: Annotated[float, Field(ge=0, lt=1, description="share of the label given to all classes")] = 0.0

    optimizer: Annotated[OptimizerName, Field(description="sgd, adam, adamw or rmsprop")] = "sgd"
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.01
    momentum: Annotated[float, Field(ge=0, lt=1, description="of sgd and rmsprop, whose default is 0")] = 0.9
    nesterov: Annotated[bool, Field(description="Nesterov's momentum, of sgd")] = False
    beta1: Annotated[float, Field(ge=0, lt=1, description="decay of the first moment, of adam and adamw")] = 0.9
    beta2: Annotated[float, Field(ge=0, lt=1, description="decay of the second moment, of adam and adamw")] = 0.999
    smoothing: Annotated[float, Field(ge=0, lt=1, description="decay of the mean square, of rmsprop")] = 0.99
    epsilon: Annotated[float, Field(gt=0, le=1, description="of adam, adamw and rmsprop")] = 1e-8
    gradient_clip: Annotated[float | None, Field(gt=0, description="largest norm of the whole gradient")] = None

    schedule: Annotated[Schedule, Field(description="staircase, constant, or cosine to 0 over all epochs")] = (
        "staircase"
    )
    decay: Annotated[float, Field(gt=0, le=1, description="factor of the staircase, each `decay_steps` steps")] = 0.95
    decay_steps: Annotated[int, Field(ge=1, le=MOST)] = 391
    decay_epochs: Annotated[
        int | None, Field(ge=1, le=MOST, description="epochs from stair to stair, in place of `decay_steps`")
    ] = None
    warm_up_epochs: Annotated[float, Field(ge=0, description="linear warm-up before any schedule")] = 0.0

    winsorize: Annotated[
        float, Field(ge=0, le=50, description="percentile c of each minibatch's gradients that is clipped at both ends")
    ] = 0.0
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    darc1: Annotated[
        float, Field(ge=0, allow_inf_nan=False, description="multiple of the largest mean absolute score in the loss")
    ] = 0.0
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    random_crop: Annotated[bool, Field(description="crop at a random place in training instead of the centre")] = False
    flip: Annotated[bool, Field(description="mirror each training image with probability 1/2")] = False
    pad: Annotated[int, Field(ge=0, description="pixels of zeros around an image, from which it is cropped anew")] = 0
    rotation: Annotated[float, Field(ge=0, le=180, description="largest random rotation, in degrees")] = 0.0
    mixup: Annotated[float, Field(ge=0, allow_inf_nan=False, description="alpha of the Beta(alpha, alpha) mixture")] = (
        0.0
    )

    epochs: Annotated[int, Field(ge=1, le=MOST, description="train no longer than this")] = 100
    target_loss: Annotated[float | None, Field(ge=0, description="stop at this training loss")] = None
    interpolate: Annotated[bool, Field(description="stop once every training label is fitted")] = False
    evaluate_every: Annotated[int, Field(ge=1, le=MOST, description="epochs between evaluations on all data")] = 1
    top_k: Annotated[int, Field(ge=1, le=MOST, description="accuracy also by the k largest scores, if above 1")] = 1
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

    @model_validator(mode="before")
    @classmethod
    def _no_momentum_by_default(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("optimizer", "sgd") != "sgd":
            return {"momentum": 0.0, **values}
        return values

    @model_validator(mode="after")
    def _fields_of_the_optimizer(self) -> Self:
        for name in frozenset().union(*FIELDS.values()) - FIELDS[self.optimizer]:
            unused = 0.0 if name == "momentum" else type(self).model_fields[name].default
            if getattr(self, name) != unused:
                has = ", ".join(sorted(FIELDS[self.optimizer]))
                raise ValueError(f"{self.optimizer} has no {name}; it has {has}")
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum above 0")
        return self

    @model_validator(mode="after")
    def _fields_of_the_schedule(self) -> Self:
        for name in STAIRCASE if self.schedule != "staircase" else ():
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name} belongs to the staircase, not to the schedule {self.schedule}")
        if self.warm_up_epochs > self.epochs:
            raise ValueError(f"a warm-up of {exact(self.warm_up_epochs)} epochs is longer than {self.epochs} epochs")
        return self

    @model_validator(mode="after")
    def _fields_of_the_loss(self) -> Self:
        if self.loss != "cross_entropy" and self.label_smoothing:
            raise ValueError("label_smoothing belongs to the cross entropy")
        if self.winsorize and (self.loss != "cross_entropy" or self.label_smoothing or self.mixup or self.darc1):
            raise ValueError("winsorize takes the plain cross entropy")
        if self.pad and self.random_crop:
            raise ValueError("pad and random_crop are two ways of cropping; use one")
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
            strange = next((e["loc"][-1] for e in error.errors() if e["type"] == "extra_forbidden"), None)
            if strange is not None:
                raise unknown("field of a recipe", strange, cls.model_fields) from None
            wrong = "; ".join(
                f"{'.'.join(map(str, e['loc'])) or 'recipe'}: {e['msg'].removeprefix('Value error, ')}"
                for e in error.errors()
            )
            raise InputError(f"Recipe: {wrong}.") from None

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

    @property
    def weight_decay_kind(self) -> Literal["coupled", "decoupled"]:
        """Whether weight decay is added to the gradient or shrinks the weights."""
        return "decoupled" if self.optimizer in DECOUPLED else "coupled"

    def make_optimizer(self) -> Optimizer:
        """The rule of the update."""
        match self.optimizer:
            case "sgd":
                return SGD(self.momentum, self.nesterov)
            case "rmsprop":
                return RMSprop(self.smoothing, self.momentum, self.epsilon)
            case _:
                return Adam(self.beta1, self.beta2, self.epsilon, decoupled=self.optimizer in DECOUPLED)

    def learning_rate_at(self, step: int, steps_per_epoch: int) -> float:
        """The learning rate of a step.

        Args:
            step: From 0.
            steps_per_epoch: Minibatches of an epoch, at least 1.
        """
        before = self.warm_up_epochs * steps_per_epoch
        rate = self.learning_rate * warm_up(step, before)
        if self.schedule == "cosine":
            rate *= cosine(max(step - before, 0.0), max(self.epochs * steps_per_epoch - before, 1.0))
        elif self.schedule == "staircase":
            every = self.decay_steps if self.decay_epochs is None else self.decay_epochs * steps_per_epoch
            rate *= self.decay ** (step // every)
        return float(rate)
