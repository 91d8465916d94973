"""Policy `by-design`: the codec's aim decides (CDD paper, discussion of DAC and Mimi)."""

from grid.policies.contract import POLICIES, Design, Labelling

TARGETS: dict[Design, float | None] = {"compression": 1.0, "synthesis": 0.0, "both": None}

POLICIES.register("by-design")(Labelling(target=lambda design, soft_target: TARGETS[design]))
