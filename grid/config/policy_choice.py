"""A labelling policy as an experiment file has it: by name, or with its mixing and its target."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field

from grid.config.yaml_file import Strict
from grid.core.vocabulary import NO_CORS, MixingMode


class PolicyChoice(Strict):
    """How CoRS enters training: its label and how it is mixed with bona fide items."""

    label: str
    mixing: MixingMode = "append"
    probability: float = Field(
        default=0.5, gt=0, le=1, description="probability that a bona fide item is replaced; for `replace`"
    )
    target: float | None = Field(default=None, ge=0, le=1, description="target of the label `soft`: 1 is bona fide")

    @property
    def name(self) -> str:
        """A short name for tables: the label, with its target, and the mixing unless it is `append`."""
        label = self.label if self.target is None else f"{self.label}-{self.target:g}"
        return label if self.mixing == "append" or self.label == NO_CORS else f"{label}-replace-{self.probability:g}"


def _named_policy(value: Any) -> Any:
    return {"label": value} if isinstance(value, str) else value


NamedPolicy: TypeAlias = Annotated[
    PolicyChoice, BeforeValidator(_named_policy, json_schema_input_type=str | PolicyChoice)
]
