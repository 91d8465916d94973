"""The labels CoRS can have in training: one file each. Mixing is `grid.training_set`."""

from grid.policies.contract import POLICIES, Labelling

__all__ = ["POLICIES", "Labelling"]
