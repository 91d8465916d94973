"""The processing chains of a corpus that an experiment tests on: for evaluations, and for its shortcut conditions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from grid.config.experiment import EvaluationChoice, Experiment
from grid.core.vocabulary import OWN_ATTACKS, Control
from grid.experiment.corpus_use import CorpusUse
from grid.resynthesis.rendition import RAW, Chain


def evaluated_chains(experiment: Experiment, use: CorpusUse, evaluations: Iterable[EvaluationChoice]) -> list[Chain]:
    """The chains that those of the evaluations test on which include the corpus."""
    including = [choice for choice in evaluations if choice.includes(use.name)]
    roles = {role for choice in including for role in (*choice.bonafide, *choice.spoof)}
    chains: list[Chain] = []
    if roles & {"raw", "attack", "cosg"}:  # RAW holds a corpus's own attacks too
        chains.append(RAW)
    for source in experiment.attacks:
        if source.through == "nothing" and "attack" in roles:
            chains.append(Chain(attack=source.name))
        if "cosg" in roles and (source.name != OWN_ATTACKS or use.facts.has_attacks(["test"])):
            every = source.codecs(experiment.codec_names())
            chains += [Chain(attack=source.name, codec=codec) for codec in every]
    if "cors" in roles and use.with_cors:
        chains += [Chain(codec=codec) for codec in experiment.codec_names()]
    return chains


def encoding_codecs(experiment: Experiment) -> tuple[str, ...]:
    """The codecs of the encoding shortcut; none where the experiment does not ask for it."""
    choice = experiment.encoding_shortcut
    return () if choice is None else choice.codecs or tuple(experiment.codec_names())


def uncoded_attacks(experiment: Experiment) -> list[str]:
    """The attacks that are tested without a codec: the corpora's own, and the stand-ins that are used as they are."""
    return [OWN_ATTACKS, *(source.name for source in experiment.attacks if source.through == "nothing")]


def encoding_chains(experiment: Experiment, use: CorpusUse) -> list[Chain]:
    """The recordings and the attacks of a corpus, as they are and through each codec of the encoding shortcut."""
    codecs = encoding_codecs(experiment)
    if not codecs:
        return []
    attacks = [name for name in uncoded_attacks(experiment) if name != OWN_ATTACKS or use.facts.has_attacks(["test"])]
    chains = [RAW, *(Chain(attack=attack) for attack in attacks if attack != OWN_ATTACKS)]
    if use.with_cors:
        chains += [Chain(codec=codec) for codec in codecs]
    return chains + [Chain(attack=attack, codec=codec) for codec in codecs for attack in attacks]


def controls(experiment: Experiment) -> tuple[Control, ...]:
    """The shortcut controls of an experiment."""
    return experiment.shortcut_controls.controls if experiment.shortcut_controls is not None else ()


def controlled_evaluations(experiment: Experiment) -> dict[str, EvaluationChoice]:
    """The evaluations that are made again under each control."""
    choice = experiment.shortcut_controls
    if choice is None:
        return {}
    names: Sequence[str] = choice.evaluations or tuple(experiment.evaluations)
    return {name: experiment.evaluations[name] for name in experiment.evaluations if name in names}


def controlled_chains(experiment: Experiment, use: CorpusUse) -> list[Chain]:
    """The chains of these evaluations, each followed by each control."""
    before = evaluated_chains(experiment, use, controlled_evaluations(experiment).values())
    return [replace(chain, control=control) for control in controls(experiment) for chain in before]
