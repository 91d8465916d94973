"""Policy `none`: no CoRS in training; with the same attacks it is the baseline of the other policies."""

from grid.policies import POLICIES, Labelling

POLICIES.register("none")(Labelling(target=lambda design, soft_target: None))
