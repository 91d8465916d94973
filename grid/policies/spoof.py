"""Policy `spoof`: CoRS is spoof, a proxy for codec-based generation (CodecFake, CodecFake+; CDD paper, label S)."""

from grid.policies import POLICIES, Labelling

POLICIES.register("spoof")(Labelling(target=lambda design, soft_target: 0.0))
