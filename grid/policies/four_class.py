"""Policy `four-class`: recordings, CoRS, generated speech and CoSG are four classes, told apart by four outputs.

A score is the log-sum-exp of the outputs of the bona fide classes minus that of the spoofed ones. CoRS can stand
on either side without another training, so an evaluation that holds CoRS is scored under its own label of CoRS. Others,
and dev, take the one that the experiment file states as `target` (1, bona fide, by default).
"""

from grid.core.errors import RequestError
from grid.core.vocabulary import Design
from grid.policies import POLICIES, Labelling, SpeechClass

CLASSES = (
    SpeechClass(name="recorded", roles=("raw",), key="bonafide"),
    SpeechClass(name="CoRS", roles=("cors",), key="bonafide"),
    SpeechClass(name="generated", roles=("attack",), key="spoof"),
    SpeechClass(name="CoSG", roles=("cosg",), key="spoof"),
)


def _label_on_dev(design: Design, target: float | None) -> float:
    if target not in (None, 0, 1):
        raise RequestError(
            f"policy 'four-class' takes target 1 (CoRS is bona fide on dev) or 0 (spoof), not {target:g}"
        )
    return 1.0 if target is None else target


POLICIES.register("four-class")(Labelling(target=_label_on_dev, classes=CLASSES))
