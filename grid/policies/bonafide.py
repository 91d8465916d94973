"""Policy `bonafide`: CoRS was spoken by a person and is labelled bona fide (CDD paper, label B)."""

from grid.policies import POLICIES, Labelling

POLICIES.register("bonafide")(Labelling(target=lambda design, soft_target: 1.0))
