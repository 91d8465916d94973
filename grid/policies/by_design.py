"""Policy `by-design`: CoRS of codecs for compression is bona fide, for synthesis spoof, for both left out.

From the discussion of DAC and Mimi in the CDD paper.
"""

from grid.core.vocabulary import Design
from grid.policies import POLICIES, Labelling

TARGETS: dict[Design, float | None] = {"compression": 1.0, "synthesis": 0.0, "both": None}

POLICIES.register("by-design")(Labelling(target=lambda design, soft_target: TARGETS[design]))
