"""Policy `by-design`: the codec's aim decides (CDD paper, discussion of DAC and Mimi)."""

from grid.core.vocabulary import Design
from grid.policies import POLICIES, Labelling

TARGETS: dict[Design, float | None] = {"compression": 1.0, "synthesis": 0.0, "both": None}

POLICIES.register("by-design")(Labelling(target=lambda design, soft_target: TARGETS[design]))
