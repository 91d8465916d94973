"""The experiment file as a model: corpora, attacks, the axes of the grid, recipes, evaluations and resources."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from grid.config.analyses import (
    ArtefactChoice,
    Bootstrap,
    ControlChoice,
    EffectChoice,
    EncodingChoice,
    SignificanceChoice,
)
from grid.config.numbers import Seed
from grid.config.policy_choice import NamedPolicy
from grid.config.recipe import Recipe
from grid.config.recipe_choice import RecipeChoice
from grid.config.resources import Resources
from grid.config.yaml_file import PlacedError, Strict
from grid.core.errors import RequestError
from grid.core.table_text import fits_a_line
from grid.core.vocabulary import (
    NATIVE,
    OWN_ATTACKS,
    SPLITS,
    Axis,
    Breakdown,
    CodingRate,
    Design,
    Draw,
    Role,
    Split,
)

NAME = re.compile(r"[a-z0-9][a-z0-9._+-]*")
LONGEST_NAME = 100
"""Characters of a name: files are named after it, and file systems take 255 bytes, with what is put around it."""
ALL = "all"
"""The word for every codec that the experiment names elsewhere, or of a paper (`codecfake-plus:all`)."""
DEV_EER = "dev EER"
"""What the best codecs of another grid are chosen by where a selection does not say."""


def _check_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} must be lower-case letters, digits, '.', '_', '+' and '-'")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"a name has at most {LONGEST_NAME} characters, and this one {len(name)}")
    return name


def _one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class CorpusSource(Strict):
    """A corpus that was imported as `name`, or that is imported from its protocol when it is not in the store."""

    name: str
    reader: str | None = Field(default=None, description="the reader of `path`, such as asvspoof5")
    path: str | None = Field(default=None, description="the protocol file or folder, relative to the experiment file")
    options: dict[str, Any] = Field(default_factory=dict, description="options of the reader")
    max_rejected_share: float = Field(default=0.01, ge=0, le=1)
    cors: Literal["made", "own", "none"] = Field(
        default="made",
        description="`made`: CoRS are made from its recordings, and its own CoRS are left out; `own`: they are its own "
        "rows, and made only in a split that has none of the codec; `none`: no CoRS in training or in tests",
    )
    through: CodingRate = Field(
        default=NATIVE,
        description="how recordings of more than 16 kHz reach codecs of more than 16 kHz. `native`: resampled from the "
        "file's own rate, as in CodecFake+ (section III); the codec's workers then read the corpus's files. `16 kHz`: "
        "resampled to 16 kHz first, so without what is above 8 kHz",
    )
    splits: tuple[Split, ...] = Field(default=SPLITS, min_length=1, description="splits of it that the experiment uses")
    in_place: bool = Field(default=False, description="every machine of a cluster has its files at this same path")

    _name = field_validator("name")(_check_name)
    _splits = field_validator("splits", mode="before", json_schema_input_type=Split | tuple[Split, ...])(_one_or_many)

    @model_validator(mode="after")
    def _reader_with_path(self) -> CorpusSource:
        if (self.reader is None) != (self.path is None):
            raise ValueError("give `reader` and `path` together, or neither for a corpus already imported")
        return self


class AttackSource(Strict):
    """An attack that tests and trainings use: a stand-in made from each bona fide utterance, or the corpus's own.

    A stand-in may be used as it is, and each of them decoded through codecs (CoSG stand-in). `own` are the attacks that
    the corpora bring, which an experiment has as they are anyway: it decodes them through codecs.
    """

    name: str = Field(description="an attack that codecgrid makes, such as `world`, or `own`: those of the corpora")
    through: Literal["nothing", "selection"] | tuple[str, ...] = Field(
        default="nothing",
        description="`selection`: each codec of the cell's selection; or codecs by name, the same for every cell",
    )
    trained: bool = Field(default=True, description="false: it occurs in tests only, as in CodecFake+")

    @model_validator(mode="after")
    def _own_attacks_are_coded(self) -> AttackSource:
        if self.name == OWN_ATTACKS and self.through == "nothing":
            raise ValueError(
                "attack `own`: the corpora's own attacks are used as they are without being named; say which codecs "
                "they are decoded through besides: `through: selection`, or a list of codecs"
            )
        return self

    def codecs(self, selection: Sequence[str]) -> tuple[str, ...]:
        """The codecs that it goes through in a cell with the codecs of `selection`; empty when it is not coded."""
        if self.through == "nothing":
            return ()
        return tuple(selection) if self.through == "selection" else self.through


def slug(word: str) -> str:
    """The name of a selection made from a word for codecs: `codecfake-plus:J` gives `codecfake-plus-j`."""
    return word.lower().replace(":", "-")


class Selection(Strict):
    """The codecs whose CoRS enter one training: by name, or the best of another grid.

    A codec may be named by its letter in a paper, `codecfake-plus:J`; `codecfake-plus:all` are all of that paper, and
    `all` every codec that the experiment names elsewhere.
    """

    name: str
    codecs: tuple[str, ...] = Field(default=(), description="left out where `top` chooses them")
    draw: Draw = Field(
        default="each",
        description="with several codecs: every utterance through `each`, or through `one` drawn per epoch",
    )
    balance: Axis | None = Field(
        default=None,
        description="every utterance through one codec, the same in every epoch, and equally many utterances through "
        "each sub-category of this axis of the taxonomy (grid/cells/balance.py)",
    )
    scale: int = Field(default=1, ge=1, description="of `balance`: number of different codecs for each utterance")
    top: int | None = Field(default=None, ge=1, description="that many codecs of the grid `of`, the best by `by`")
    of: str | None = Field(default=None, description="the experiment file of another grid, relative to this one")
    by: str = Field(
        default=DEV_EER,
        description="of `top`: the EER that counts, lowest first: `dev EER`, or an evaluation of that grid, pooled "
        "(`CoSG`) or on one of its conditions (`CoSG/system=maskgct`)",
    )
    detector: str | None = Field(default=None, description="whose EER counts, where the other grid has several")
    policy: str | None = Field(default=None, description="whose cells count, where the other grid has several policies")

    _name = field_validator("name")(_check_name)
    _codecs = field_validator("codecs", mode="before", json_schema_input_type=str | tuple[str, ...])(_one_or_many)

    @model_validator(mode="after")
    def _codecs_are_determined(self) -> Selection:
        if bool(self.codecs) == (self.top is not None):
            raise ValueError("give `codecs`, or `top` and `of` for the best codecs of another grid")
        ranked = self.by != DEV_EER or self.detector or self.policy
        if (self.top is None) != (self.of is None) or (self.top is None and ranked):
            raise ValueError("`top` and `of` belong together, and `by`, `detector` and `policy` to them")
        if self.scale > 1 and self.balance is None:
            raise ValueError("`scale` is that of a balance; say which: `balance: dec`")
        if self.balance is not None and self.draw == "one":
            raise ValueError("a balance says which codec each utterance goes through; leave out `draw: one`")
        return self


def _named_selection(value: Any) -> Any:
    return {"name": slug(value), "codecs": [value]} if isinstance(value, str) else value


NamedSelection: TypeAlias = Annotated[
    Selection, BeforeValidator(_named_selection, json_schema_input_type=str | Selection)
]


class CellFilter(Strict):
    """Cells that match every list; a list that is left out matches all cells."""

    selections: tuple[str, ...] | None = None
    policies: tuple[str, ...] | None = None
    detectors: tuple[str, ...] | None = None
    seeds: tuple[int, ...] | None = None


class Axes(Strict):
    """The axes of the grid: its cells are their product without those that `exclude` matches."""

    selections: tuple[NamedSelection, ...] = Field(min_length=1)
    policies: tuple[NamedPolicy, ...] = Field(min_length=1)
    detectors: tuple[str, ...] = Field(min_length=1)
    seeds: tuple[Seed, ...] = Field(default=(0,), min_length=1)
    axes: dict[str, Annotated[tuple[bool | int | float | str | None, ...], Field(min_length=1)]] = Field(
        default_factory=dict,
        description="values of the recipe or the detector, each combination a variant of every detector: "
        "`{recipe.optimiser.learning_rate: [1e-4, 3e-4], detector.backend.options.heads: [8, 32]}`",
    )
    exclude: tuple[CellFilter, ...] = ()


class EvaluationChoice(Strict):
    """A set of trials, defined by the roles of its two classes, and the conditions it is split into."""

    bonafide: tuple[Role, ...] = Field(min_length=1)
    spoof: tuple[Role, ...] = Field(min_length=1)
    by: tuple[Breakdown, ...] = Field(default=(), description="what conditions besides the pooled one are formed by")
    corpora: tuple[str, ...] | None = Field(default=None, min_length=1, description="only these; default: all")
    mos_above: float | None = Field(
        default=None, ge=1, le=5, description="only utterances with a predicted MOS above it (`codecgrid mos`)"
    )

    _roles = field_validator("bonafide", "spoof", mode="before", json_schema_input_type=Role | tuple[Role, ...])(
        _one_or_many
    )
    _breakdowns = field_validator("by", mode="before", json_schema_input_type=Breakdown | tuple[Breakdown, ...])(
        _one_or_many
    )
    _names = field_validator("corpora", mode="before", json_schema_input_type=str | tuple[str, ...] | None)(
        _one_or_many
    )

    @model_validator(mode="after")
    def _classes_differ(self) -> EvaluationChoice:
        if set(self.bonafide) & set(self.spoof):
            raise ValueError(f"{sorted(set(self.bonafide) & set(self.spoof))} cannot be bona fide and spoof at once")
        return self

    def includes(self, corpus: str) -> bool:
        """Whether its trials may come from this corpus."""
        return self.corpora is None or corpus in self.corpora


class Experiment(Strict):
    """All of an experiment file, checked: names are unique and references exist."""

    name: str
    corpora: tuple[CorpusSource, ...] = Field(min_length=1)
    impulse_responses: CorpusSource | None = Field(
        default=None, description="bank for augmentation by `rir`; its split train is used"
    )
    noises: CorpusSource | None = Field(
        default=None, description="bank for augmentation by `noise`; its split train is used"
    )
    attacks: tuple[AttackSource, ...] = ()
    codec_seed: Seed = Field(default=0, description="seed of stochastic codecs and of attacks")
    max_failed_share: float = Field(
        default=0.01, ge=0, le=1, description="largest share of failed utterances of one codec"
    )
    grid: Axes
    recipe: RecipeChoice = Field(
        description="by name, or `{base: NAME, ...}` with the values that differ: `{base: cpu-lcnn, epochs: 2}`"
    )
    recipes: dict[str, RecipeChoice] = Field(
        default_factory=dict, description="detector: recipe, where it differs from `recipe`"
    )
    evaluation_codecs: tuple[str, ...] = Field(default=(), description="codecs tested besides those of the selections")
    evaluations: dict[str, EvaluationChoice] = Field(min_length=1)
    bootstrap: Bootstrap = Bootstrap()
    cross_testing: str | None = Field(default=None, description="the evaluation that the cross-codec matrix shows")
    artefacts: ArtefactChoice | None = Field(
        default=None, description="similarity of the codecs' residual spectrograms"
    )
    significance: SignificanceChoice | None = Field(default=None, description="tests against the best baseline")
    effects: EffectChoice | None = Field(default=None, description="of each attribute of a codec, over matched pairs")
    encoding_shortcut: EncodingChoice | None = Field(
        default=None, description="tests in which one class is encoded and the other is not (`{}`: with every codec)"
    )
    shortcut_controls: ControlChoice | None = Field(
        default=None, description="tests without silence, bandwidth or level (`{}`: of every evaluation)"
    )
    report: tuple[str, ...] = Field(default=(), description="tables of papers to reproduce, such as cdd-table-3")
    compare: tuple[str, ...] = Field(
        default=(), description="experiment files, relative to this one, whose results are shown beside its own"
    )
    designs: dict[str, Design] = Field(
        default_factory=dict,
        description="codec: what it is made for, in place of the catalogue's entry, for policy `by-design`",
    )
    accept_licence: tuple[str, ...] = Field(
        default=(), description="codecs with non-commercial or no licence, named one by one"
    )
    resources: Resources = Resources()
    plugins: tuple[str, ...] = Field(
        default=(),
        description="packages with plug-ins, for this machine and the cluster's: the folder of a Python project, "
        "relative to this file (`./my_codec`), or a requirement with one version (`my-package==1.2`)",
    )
    root: str = "results"
    tracking_uri: str | None = Field(default=None, description="MLflow; default: SQLite under the root")
    folder: SkipJsonSchema[Path] = Field(default=Path(), exclude=True, description="folder of the experiment file")

    _name = field_validator("name")(_check_name)

    @model_validator(mode="before")
    @classmethod
    def _values_of_the_recipe_are_in_it(cls, values: Any) -> Any:
        for key in values if isinstance(values, dict) else ():
            if key in Recipe.model_fields and key not in cls.model_fields:
                raise PlacedError(
                    f"{key} is a value of the recipe; change it there: `recipe: {{base: NAME, {key}: ...}}`, or make "
                    f"it an axis of the grid: `axes: {{recipe.{key}: [...]}}`",
                    (key,),
                )
        return values

    @model_validator(mode="after")
    def _references_are_sound(self) -> Experiment:
        for kind, names in (
            ("corpus", [c.name for c in self.all_corpora()]),
            ("selection", [s.name for s in self.grid.selections]),
            ("policy", [p.name for p in self.grid.policies]),
            ("detector", list(self.grid.detectors)),
            ("seed", [str(s) for s in self.grid.seeds]),
        ):
            repeated = sorted({name for name in names if names.count(name) > 1})
            if repeated:
                raise ValueError(f"{kind} {', '.join(repeated)} is given twice")
        unknown = sorted(set(self.recipes) - set(self.grid.detectors))
        if unknown:
            raise ValueError(f"recipes names {unknown[0]!r}, which is none of the detectors of the grid")
        if self.cross_testing is not None and self.cross_testing not in self.evaluations:
            raise ValueError(f"cross_testing {self.cross_testing!r} is none of {', '.join(self.evaluations)}")
        if self.significance is not None:
            for key, named, choices in (
                ("baselines", self.significance.baselines, self.grid.detectors),
                ("evaluations", self.significance.evaluations or (), tuple(self.evaluations)),
            ):
                for name in sorted(set(named) - set(choices)):
                    raise ValueError(f"significance: {key} names {name!r}, which is none of {', '.join(choices)}")
        controlled = self.shortcut_controls.evaluations if self.shortcut_controls is not None else None
        for name in set(controlled or ()) - set(self.evaluations):
            raise ValueError(f"shortcut_controls: evaluation {name!r} is none of {', '.join(self.evaluations)}")
        for name in self.effects.evaluation if self.effects is not None else ():
            if name not in self.evaluations:
                raise ValueError(f"effects: evaluation {name!r} is none of {', '.join(self.evaluations)}")
            if "codec" not in self.evaluations[name].by:
                raise ValueError(f"effects: evaluation {name!r} has no conditions per codec; give it `by: [codec]`")
        return self

    @field_validator("evaluations")
    @classmethod
    def _names_fit_tables(cls, evaluations: dict[str, EvaluationChoice]) -> dict[str, EvaluationChoice]:
        for name in evaluations:
            if not name.strip() or not fits_a_line(name) or len(name) > LONGEST_NAME:
                raise ValueError(f"{name[:LONGEST_NAME]!r} must be one line of 1 to {LONGEST_NAME} characters")
        return evaluations

    @field_validator("corpora")
    @classmethod
    def _every_split_is_used(cls, corpora: tuple[CorpusSource, ...]) -> tuple[CorpusSource, ...]:
        for split in SPLITS:
            if not any(split in source.splits for source in corpora):
                raise ValueError(f"no corpus is used for {split}: add it to the `splits` of one")
        return corpora

    def all_corpora(self) -> tuple[CorpusSource, ...]:
        """The corpora and the augmentation banks: everything that is imported."""
        banks = (self.impulse_responses, self.noises)
        return (*self.corpora, *(source for source in banks if source is not None))

    def with_selections(self, selections: Sequence[Selection]) -> Experiment:
        """A copy with other selections; RequestError when two of them have the same name."""
        names = [selection.name for selection in selections]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise RequestError(f"selection {', '.join(repeated)} is given twice in experiment {self.name}")
        return self.model_copy(update={"grid": self.grid.model_copy(update={"selections": tuple(selections)})})

    def recipe_name(self, detector: str) -> str:
        """The recipe of a detector of the grid, or of a variant of one (`grid.experiment.value_axes`), in words."""
        name, _, values = detector.partition(" ")
        recipe = self.recipes.get(name, self.recipe).name
        return f"{recipe}, {values}" if values else recipe

    def codec_names(self) -> list[str]:
        """The codecs of the selections, of the attacks and of `evaluation_codecs`, once each, in this order."""
        trained = [codec for selection in self.grid.selections for codec in selection.codecs]
        trained += [codec for source in self.attacks for codec in source.codecs(())]
        return list(dict.fromkeys([*trained, *self.evaluation_codecs]))
