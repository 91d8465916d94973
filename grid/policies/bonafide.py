"""Policy `bonafide`: CoRS is speech that a person spoke, so it is bona fide (CDD paper, label B)."""

from grid.policies import POLICIES, Labelling

POLICIES.register("bonafide")(Labelling(target=lambda design, soft_target: 1.0))
