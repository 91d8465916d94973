"""Policy `soft`: the target of CoRS is the probability of bona fide that the experiment file states as `target`."""

from grid.core.errors import RequestError
from grid.core.vocabulary import Design
from grid.policies import POLICIES, Labelling


def _soft_target(design: Design, soft_target: float | None) -> float:
    if soft_target is None:
        raise RequestError("policy 'soft' needs a target from 0 (spoof) to 1 (bona fide): {label: soft, target: 0.5}")
    return soft_target


POLICIES.register("soft")(Labelling(target=_soft_target))
