"""On which evaluations an experiment compares trainings whose codecs differ in one attribute, and how."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from grid.config.strict import Strict
from grid.metrics.intervals import DEFAULT_LEVEL, DEFAULT_REPLICATES


class EffectChoice(Strict):
    """The effect of each attribute of a codec, over pairs (grid/matched_pairs.py) and whole families."""

    evaluation: tuple[str, ...] = Field(
        min_length=1, description="one or several, each with conditions per codec (`by: [codec]`)"
    )
    level: float = Field(default=DEFAULT_LEVEL, gt=0, lt=1, description="of the intervals")
    replicates: int = Field(default=DEFAULT_REPLICATES, ge=100, description="of the bootstrap behind them")

    @field_validator("evaluation", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value
