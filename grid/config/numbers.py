"""Numbers that several models of YAML files have, with their bounds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Seed = Annotated[int, Field(ge=0, lt=2**32)]

Decay = Annotated[float, Field(ge=0, lt=1)]
"""The share of a running mean that is kept at each step, as the betas of Adam; torch refuses other values too."""

FEWEST_REPLICATES, MOST_REPLICATES = 100, 1_000_000
"""Replicates of a bootstrap: enough for two digits of an interval's ends, and not more than memory holds."""
Replicates = Annotated[int, Field(ge=FEWEST_REPLICATES, le=MOST_REPLICATES)]
