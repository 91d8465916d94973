"""The sections of an experiment file that ask for analyses: intervals, effects, significance, artefacts, shortcuts."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from grid.config.numbers import Replicates, Seed
from grid.config.yaml_file import Strict
from grid.core.vocabulary import CONTROLS, Control, Split
from grid.metrics.intervals import DEFAULT_LEVEL, DEFAULT_REPLICATES
from grid.metrics.paired_tests import LEVEL, REPLICATES

BootstrapUnit = Literal["speaker", "utterance", "conditional"]


class Bootstrap(Strict):
    """Intervals of an EER: percentile bootstrap over speakers, over utterances, or over systems and their utterances.

    `conditional` is the published method of CodecFake+ (grid/metrics/conditional_bootstrap.py): systems are drawn, then
    the trials of the drawn systems. The system of a spoof is its attack; a recording belongs to the attack that its
    `source` ends in (`codecfake-plus/valle`), or else to its source. Where a class of a condition has only one speaker
    or system, the interval is over utterances.
    """

    replicates: Replicates = 1000
    level: float = Field(default=0.95, gt=0, lt=1)
    unit: BootstrapUnit = "speaker"


class EffectChoice(Strict):
    """The effect of each attribute of a codec, over matched pairs (grid/codecs/pairs.py) and over whole families."""

    evaluation: tuple[str, ...] = Field(
        min_length=1, description="one or several, each with conditions per codec (`by: [codec]`)"
    )
    level: float = Field(default=DEFAULT_LEVEL, gt=0, lt=1, description="confidence level of the intervals")
    replicates: Replicates = Field(default=DEFAULT_REPLICATES, description="bootstrap replicates for the intervals")

    @field_validator("evaluation", mode="before", json_schema_input_type=str | tuple[str, ...])
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


class SignificanceChoice(Strict):
    """Tests of every training against the best baseline of each evaluation, over all seeds and seed by seed."""

    baselines: tuple[str, ...] = Field(
        min_length=1,
        description="detectors of the grid, whose trainings without resynthesised speech are the baselines",
    )
    evaluations: tuple[str, ...] | None = Field(default=None, min_length=1, description="only these; default: all")
    level: float = Field(default=LEVEL, gt=0, lt=1, description="significance level, family-wise for the bootstrap")
    predictions: Literal["scores", "decisions"] = Field(
        default="decisions", description="what the paired t-test and Wilcoxon's compare; scores need one unit"
    )
    replicates: Replicates = REPLICATES


class ArtefactChoice(Strict):
    """The codecs whose residual spectrograms `codecgrid artefacts CONFIG` compares, and the number of utterances."""

    utterances: int = Field(
        default=100, ge=1, le=1_000_000, description="number drawn from the recordings of the split"
    )
    split: Split = "test"
    corpora: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="only these; default: all that are used for the split"
    )
    codecs: tuple[str, ...] | None = Field(default=None, min_length=2, description="default: all of the experiment")
    seed: Seed = Field(default=0, description="of the draw of utterances")

    @field_validator("corpora", mode="before", json_schema_input_type=str | tuple[str, ...] | None)
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


class EncodingChoice(Strict):
    """Encoding as a shortcut (arXiv 2604.16700): for each codec, which class is encoded, beside neither.

    Bona fide encoded, spoof encoded, both encoded: a detector that calls codecs spoof fails on the first, one that
    hears generation alone on none.
    """

    codecs: tuple[str, ...] | None = Field(default=None, min_length=1, description="default: all of the experiment")


class ControlChoice(Strict):
    """Shortcut controls: evaluations again, without silence, bandwidth or level in either class."""

    evaluations: tuple[str, ...] | None = Field(default=None, min_length=1, description="only these; default: all")
    controls: tuple[Control, ...] = Field(default=CONTROLS, min_length=1)
