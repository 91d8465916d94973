"""The optimiser and the learning rates of a recipe. Every field enters the cell's identity."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from grid.config.later_fields import without_defaults
from grid.config.numbers import Decay
from grid.config.yaml_file import Strict

MOST_BATCHES_PER_STEP = 1024

WarmUp: TypeAlias = Annotated[
    float, Field(ge=0, description="epochs, at the start, in which the rate also rises linearly from 0")
]


class Optimiser(Strict):
    """What makes a step of a gradient.

    `adam`: Kingma and Ba 2015, with weight decay as in `torch.optim.Adam`, an L2 term in the gradient; `adamw`:
    Loshchilov and Hutter 2019, where the weights decay by themselves; `sgd`: with momentum, weight decay as in `adam`.
    """

    LATER: ClassVar[tuple[str, ...]] = (
        "kind",
        "momentum",
        "nesterov",
        "encoder_factor",
        "batches_per_step",
        "largest_norm",
    )

    kind: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: float = Field(gt=0, le=100)
    betas: tuple[Decay, Decay] = Field(default=(0.9, 0.999), description="of adam and adamw")
    weight_decay: float = Field(default=0.0, ge=0)
    momentum: Decay = Field(default=0.0, description="of sgd")
    nesterov: bool = Field(default=False, description="of sgd with momentum: look one step ahead")
    encoder_factor: float = Field(
        default=1.0, gt=0, le=1, description="multiplies the learning rate of a fine-tuned frontend, not of the head"
    )
    batches_per_step: int = Field(
        default=1,
        ge=1,
        le=MOST_BATCHES_PER_STEP,
        description="gradient accumulation: one step for the mean loss of so many batches; batch norm sees each batch",
    )
    largest_norm: float | None = Field(
        default=None, gt=0, description="gradient clipping: a longer gradient of all weights is scaled to this norm"
    )

    @model_validator(mode="after")
    def _fields_belong_to_the_kind(self) -> Optimiser:
        given = self.model_fields_set
        wrong = given & ({"betas"} if self.kind == "sgd" else {"momentum", "nesterov"})
        if wrong:
            raise ValueError(f"{', '.join(sorted(wrong))}: does nothing with kind {self.kind!r}; leave it out")
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov: true needs a momentum above 0")
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values = without_defaults(self, write(self), self.LATER)
        if self.kind == "sgd":
            values.pop("betas", None)
        return values


class Constant(Strict):
    """A constant learning rate."""

    kind: Literal["constant"] = "constant"


class Cosine(Strict):
    """Half a cosine from the optimiser's learning rate down to `floor`, updated at every optimisation step.

    It begins after `warm_up_epochs` (Loshchilov and Hutter 2017, "SGDR", without restarts).
    """

    kind: Literal["cosine"]
    floor: float = Field(ge=0)
    warm_up_epochs: WarmUp = 0.0

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_defaults(self, write(self), ("warm_up_epochs",))


class Exponential(Strict):
    """From the optimiser's learning rate to `final`, each step by the same factor; also during `warm_up_epochs`.

    As `ExponentialDecrease` of WeDefense and WeSpeaker, with their `warm_from_zero`.
    """

    kind: Literal["exponential"]
    final: float = Field(gt=0)
    warm_up_epochs: WarmUp = 0.0


class Staircase(Strict):
    """The learning rate is multiplied by `factor` after every `every_epochs` epochs, until it is at most `floor`."""

    kind: Literal["staircase"]
    every_epochs: int = Field(ge=1)
    factor: float = Field(gt=0, le=1)
    floor: float = Field(default=0.0, ge=0, description="a rate at or below it is not lowered again")


Schedule = Annotated[Constant | Cosine | Exponential | Staircase, Field(discriminator="kind")]


def warm_up_epochs(schedule: Constant | Cosine | Exponential | Staircase) -> float:
    """The epochs in which the rate rises; 0 for a schedule without them."""
    return schedule.warm_up_epochs if isinstance(schedule, Cosine | Exponential) else 0.0
