"""What an experiment file may call codecs besides their names: letters of the papers, and all of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from grid.codecs.catalogue import Catalogue, Paper, load_catalogue
from grid.config.experiment import ALL, Experiment, Selection, slug
from grid.config.yaml_file import YamlFile
from grid.errors import RequestError, unknown_name


def with_codec_names(experiment: Experiment, file: YamlFile) -> Experiment:
    """The experiment with catalogue names for the words of its selections; RequestError, with the line, for others.

    `codecfake-plus:J` is the codec that a paper (codecfake, codecfake-plus, cdd) calls so, `codecfake-plus:all` every
    codec of its table, and `all` every codec that the experiment names elsewhere: in other selections, in attacks and
    in `evaluation_codecs`.
    """
    catalogue = load_catalogue()
    selections: list[Selection] = []
    for i, selection in enumerate(experiment.grid.selections):
        names: list[str] = []
        for j, word in enumerate(selection.codecs):
            where = file.where("grid", "selections", i, "codecs", j)
            names += [word] if word == ALL or ":" not in word else _of_paper(word, catalogue, where)
        selections.append(_named(selection, names))
    evaluated = [
        *(codec for attack in experiment.attacks for codec in attack.codecs(())),
        *experiment.evaluation_codecs,
    ]
    every = [codec for selection in selections for codec in selection.codecs if codec != ALL] + evaluated
    for i, selection in enumerate(selections):
        if ALL in selection.codecs:
            if not every:
                raise RequestError(
                    f"{file.where('grid', 'selections', i)}: `all` are the codecs that the experiment names elsewhere, "
                    "and there are none; name them, or take a paper's: codecfake-plus:all"
                )
            selections[i] = selection.model_copy(update={"codecs": tuple(dict.fromkeys(every))})
    return experiment.with_selections(selections)


def _named(selection: Selection, names: Sequence[str]) -> Selection:
    """With these codecs; a selection that was a single word takes the name of its codec."""
    once = tuple(dict.fromkeys(names))
    lone = len(once) == 1 and selection.name == slug(selection.codecs[0])
    return selection.model_copy(update={"codecs": once, **({"name": once[0]} if lone else {})})


def _of_paper(word: str, catalogue: Catalogue, where: str) -> list[str]:
    written, _, letter = word.partition(":")
    papers: dict[str, Paper] = {paper.replace("_", "-"): paper for paper in get_args(Paper)}
    if written not in papers:
        raise unknown_name("paper", written, papers, where=where)
    paper = papers[written]
    if letter == ALL:
        return [entry.name for entry in catalogue if getattr(entry.letters, paper)]
    try:
        return [catalogue.by_letter(paper, letter).name]
    except RequestError as error:
        raise RequestError(f"{where}: {error}") from error
