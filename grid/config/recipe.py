"""Recipes: all settings of a training that are not axes of the grid. Every field enters the cell's identity."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from grid.config.augmentation import AugmentationStep
from grid.config.later_fields import without_defaults
from grid.config.optimisation import Constant, Optimiser, Schedule, warm_up_epochs
from grid.config.yaml_file import Strict, config_folder, parse, read_yaml
from grid.core.errors import unknown_name
from grid.core.vocabulary import AVERAGE_OF_THE_BEST, ModelSelection
from grid.core.weight_file import HUB, WeightFile

log = logging.getLogger(__name__)

DevLabels: TypeAlias = Literal["policy", "fixed"]
DevCors: TypeAlias = Literal["as trained", "none", "all"]
Ties: TypeAlias = Literal["first", "last"]

MOST_AVERAGED = 100
MOST_EPOCHS = 10_000
"""A hundred times the most of any published recipe here."""
LARGEST_BATCH = 2**16
SHORTEST_CROP, LONGEST_CROP = 1600, 16_000 * 600
"""Samples of a crop: a tenth of a second to ten minutes."""


class EarlyStopping(Strict):
    """Training stops after `patience` epochs in a row without a gain; see `grid.training.epoch_rules`.

    An epoch gains when its dev EER is more than `minimum_change` (a fraction) below the one that it is compared with.
    """

    patience: int = Field(ge=1)
    minimum_change: float = Field(default=0.0, ge=0)
    compared_with: Literal["lowest", "last gain"] = Field(
        default="lowest",
        description="`lowest`: the lowest dev EER of all earlier epochs, so that many small steps are no gain; `last "
        "gain`: the dev EER of the last epoch that gained, so that small steps add up to one (IMS-ADD, early_stop.py)",
    )

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_defaults(self, write(self), ("compared_with",))


class Crop(Strict):
    """The fixed number of samples at 16 kHz cut from an utterance; a shorter one is repeated end to end."""

    samples: int = Field(ge=SHORTEST_CROP, le=LONGEST_CROP)
    train: Literal["random", "first"] = "random"
    evaluation: Literal["first", "random"] = Field(
        default="first", description="on dev and test; `random` only to reproduce published code that does so"
    )


class OneClass(Strict):
    """Margins and scale of OC-softmax, for detectors with cosine outputs; see `grid.training.losses.oc_softmax`."""

    bonafide_margin: float = Field(default=0.9, ge=-1, le=1, description="bona fide cosines shall be above it")
    spoof_margin: float = Field(default=0.2, ge=-1, le=1, description="spoof cosines shall be below it")
    scale: float = Field(default=20.0, gt=0)


class InitialWeights(Strict):
    """A published checkpoint to start from instead of random weights, wherever the file is.

    Its digest identifies it; where that is not known, the commit of its hub repository does. Where neither is known
    the revision is `main`, which can change: a warning says so, and the digest is in the record of the cell alone.
    """

    path: str = Field(description="below a weights folder, such as aasist/AASIST-L.pth or OWNER/NAME/FILE of the hub")
    source: str = Field(description="where the file can be downloaded: a URL, or hub:OWNER/NAME")
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    revision: str | None = Field(
        default=None,
        pattern=r"^([0-9a-f]{40}|main)$",
        description="of a file of the hub: the commit of its repository, or `main` where none is known",
    )
    licence: str | None = Field(default=None, description="where it restricts use; messages about the file name it")

    @property
    def file(self) -> WeightFile:
        """The file as `grid.core.weights` finds and checks it."""
        return WeightFile(
            path=self.path, source=self.source, revision=self.revision, sha256=self.sha256, licence=self.licence
        )

    @property
    def is_pinned(self) -> bool:
        """Whether it can be only one file."""
        return self.sha256 is not None or self.revision != "main"

    def warn_if_unpinned(self) -> None:
        """Warns where nothing is known that makes it one certain file."""
        if not self.is_pinned:
            log.warning(
                "%s: no commit and no digest is known, so it is the file of today's main branch, or the one that is "
                "here",
                self.path,
            )

    @model_validator(mode="after")
    def _is_identified(self) -> InitialWeights:
        if self.sha256 is None and self.revision is None:
            raise ValueError(f"{self.path}: give the sha256 of the file, or the revision of its hub repository")
        if self.revision is not None and not self.source.startswith(HUB):
            raise ValueError(f"revision is of a hub repository, and the source is {self.source!r}; use hub:OWNER/NAME")
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_defaults(self, write(self), ("revision", "licence"))


LATER_FIELDS = ("ties", "dev_labels", "dev_cors", "averaged_epochs")
"""Fields that recipes did not have at first. A default is left out of the JSON, so that older cells keep their ids."""

BANKS = {"impulse_responses": "rir", "noises": "noise"}
"""Each field of an experiment file that names a bank: the kind of augmentation step that draws from it."""


class Recipe(Strict):
    """All settings of one way to train a detector."""

    epochs: int = Field(
        ge=0, le=MOST_EPOCHS, description="0: nothing is trained, and `initial_weights` are scored as they are"
    )
    batch_size: int = Field(ge=2, le=LARGEST_BATCH)
    drop_last: bool = Field(default=True, description="leave out the last, smaller batch of an epoch")
    optimiser: Optimiser
    schedule: Schedule = Constant()
    crop: Crop
    augmentation: tuple[AugmentationStep, ...] = Field(
        default=(), description="steps applied in this order, in training"
    )
    augment_before_crop: bool = Field(default=False, description="augment the whole utterance before the crop")
    augment_dev: bool = Field(
        default=False, description="augment dev too; only to reproduce published code that does so"
    )
    class_weights: Literal["prior", "corpus prior", "none"] | tuple[float, float] = Field(
        default="prior",
        description="`prior`: inverse to the class prior under the policy; `corpus prior`: bona fide is weighted by "
        "the number of spoofs for each bona fide in the corpus, before CoRS is added; or fixed (spoof, bona fide)",
    )
    one_class: OneClass = OneClass()
    precision: Literal["float32", "bfloat16"] = "float32"
    model_selection: ModelSelection = Field(
        default="best dev EER",
        description="the weights that are kept. `average of improvements`: the mean of the epochs whose dev EER was "
        "the lowest so far (SWA), and the statistics of batch norm are then recomputed; `average of the best`: the "
        "mean of the `averaged_epochs` epochs with the lowest dev EER, batch norm's statistics included (Nes2Net)",
    )
    averaged_epochs: int | None = Field(
        default=None, ge=2, le=MOST_AVERAGED, description="for `average of the best`; each is in the saved state"
    )
    ties: Ties = Field(
        default="first",
        description="which of the epochs with the same lowest dev EER is kept by `best dev EER`; `last` is what the "
        "code of AASIST does (clovaai/aasist, main.py). `average of improvements` holds all of them",
    )
    early_stopping: EarlyStopping | None = None
    dev_labels: DevLabels = Field(
        default="policy",
        description="the labels of CoRS in dev. `policy`: the target that the policy gives them in training; `fixed`: "
        "bona fide, whatever the policy",
    )
    dev_cors: DevCors = Field(
        default="as trained",
        description="the CoRS that dev holds. `as trained`: those of the codecs that the policy mixes into training; "
        "`none`; `all`: those of every codec of the experiment's selections, whole and the same in all cells, the "
        "baseline without CoRS included",
    )
    score_batch_size: int = Field(default=16, ge=1, le=LARGEST_BATCH)
    initial_weights: InitialWeights | None = Field(default=None, description="fine-tune from these")

    @property
    def banks(self) -> dict[str, str]:
        """The banks that its augmentation draws from: field of the experiment file -> kind of step."""
        kinds = {step.kind for step in self.augmentation}
        return {field: kind for field, kind in BANKS.items() if kind in kinds}

    @model_validator(mode="after")
    def _weights_are_positive(self) -> Recipe:
        if isinstance(self.class_weights, tuple) and min(self.class_weights) <= 0:
            raise ValueError(f"class_weights must be positive, not {self.class_weights}")
        return self

    @model_validator(mode="after")
    def _ties_are_of_the_best(self) -> Recipe:
        if self.ties == "last" and self.model_selection not in ("best dev EER", AVERAGE_OF_THE_BEST):
            raise ValueError(f"ties: last does nothing with model_selection {self.model_selection!r}; leave it out")
        return self

    @model_validator(mode="after")
    def _averaged_epochs_are_of_the_best(self) -> Recipe:
        if (self.averaged_epochs is not None) != (self.model_selection == AVERAGE_OF_THE_BEST):
            raise ValueError(
                f"model_selection {self.model_selection!r} with averaged_epochs {self.averaged_epochs}: give the "
                f"number for {AVERAGE_OF_THE_BEST!r}, and only for it"
            )
        return self

    @model_validator(mode="after")
    def _warm_up_ends(self) -> Recipe:
        if warm_up_epochs(self.schedule) > self.epochs:
            raise ValueError(
                f"schedule.warm_up_epochs {warm_up_epochs(self.schedule)} is more than the {self.epochs} epochs"
            )
        return self

    @model_validator(mode="after")
    def _cors_of_dev_have_labels(self) -> Recipe:
        if self.dev_cors == "all" and self.dev_labels == "policy":
            raise ValueError(
                "dev_cors: all needs dev_labels: fixed, for a policy has no label for CoRS that training leaves out"
            )
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_defaults(self, write(self), LATER_FIELDS)

    @model_validator(mode="after")
    def _weights_are_trained_or_given(self) -> Recipe:
        if self.epochs == 0 and self.initial_weights is None:
            raise ValueError("with epochs 0 nothing is trained: name the initial_weights to score, or train an epoch")
        return self


def recipe_file(name: str, *, beside: Path | None = None, where: str = "") -> Path:
    """The file of the recipe `name`: `recipes/NAME.yaml` in `beside`, the folder of an experiment, else in `configs/`.

    Raises RequestError, with the choices and `where`, for an unknown name.
    """
    for folder in _folders(beside):
        if (folder / f"{name}.yaml").is_file():
            return folder / f"{name}.yaml"
    raise unknown_name("recipe", name, recipe_names(beside=beside), where=where)


def recipe_names(*, beside: Path | None = None) -> list[str]:
    """The names that `recipe_file` accepts, sorted."""
    return sorted({file.stem for folder in _folders(beside) for file in folder.glob("*.yaml")})


def load_recipe(name: str, *, beside: Path | None = None, where: str = "") -> Recipe:
    """The recipe `name`, from its `recipe_file`; RequestError that names file, key, value and choices."""
    return parse(Recipe, read_yaml(recipe_file(name, beside=beside, where=where)))


def _folders(beside: Path | None) -> list[Path]:
    return [folder / "recipes" for folder in (beside, config_folder()) if folder is not None]
