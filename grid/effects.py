"""Scores of finished cells -> what changing one attribute of a codec in training does to the EER on other codecs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from grid.codec_eers import CodecEers, TestedCodecs
from grid.config.effects import EffectChoice
from grid.effect_rows import Trained, effects_of
from grid.experiment import Grid
from grid.family_design import designs
from grid.job import CellJob
from grid.main_effects import main_effects
from grid.matched_pairs import contrasts
from grid.measure import scored_trials
from grid.randomness import generator
from grid.report.effects import Effects
from grid.status import cell_state
from grid.store import Store

log = logging.getLogger(__name__)


def effects(store: Store, grid: Grid) -> tuple[Effects, ...]:
    """The effects on every evaluation that is asked for, of every policy and detector; none where none are asked for.

    Pairs and families are those of the grid's selections of one codec. A pure function of the scores and of the
    catalogue. RequestError: two cells scored different utterances.
    """
    choice = grid.experiment.effects
    if choice is None:
        return ()
    single = [job for job in grid.cells if len(job.codecs) == 1]
    trained = {job.codecs[0] for job in single}
    entries = [entry for entry in grid.catalogue if entry.name in trained]
    found = contrasts(entries)
    if not found:
        log.warning("effects: no two codecs of the grid's selections differ in one attribute alone")
    asked = {codec for contrast in found for pair in contrast.pairs for codec in pair}
    asked |= {codec for design in designs(entries) for codec in design.members}
    jobs = [job for job in single if job.codecs[0] in asked]
    states = {job.cell_id: cell_state(store, job).status for job in jobs}
    tested, eers = _eers(store, grid, choice, [job for job in jobs if states[job.cell_id] == "done"])
    made = []
    for name in tested:
        for policy, detector in dict.fromkeys((job.policy, job.detector) for job in jobs):
            cells = [job for job in jobs if (job.policy, job.detector) == (policy, detector)]
            of = {(job.codecs[0], job.seed): job.cell_id for job in cells}
            training = Trained(
                name,
                policy,
                detector,
                {place: eers[name][cell] for place, cell in of.items() if cell in eers[name]},
                {place: states[cell] for place, cell in of.items()},
            )
            codecs, speakers = tested[name].codecs, tested[name].drawn
            main = main_effects(training, codecs, grid.catalogue, choice.level)
            made.append(replace(effects_of(training, codecs, speakers, found, grid.catalogue, choice), main=main))
    return tuple(made)


def _eers(
    store: Store, grid: Grid, choice: EffectChoice, done: Sequence[CellJob]
) -> tuple[dict[str, TestedCodecs], dict[str, dict[str, CodecEers]]]:
    """By evaluation: the codecs that it tests, and the EERs of each cell; one cell's scores are held at a time."""
    tested: dict[str, TestedCodecs] = {}
    eers: dict[str, dict[str, CodecEers]] = {name: {} for name in choice.evaluation}
    for job in done:
        trials = scored_trials(store, job)
        for name in choice.evaluation:
            if name not in tested:
                draw = generator("effects", name, "speakers")
                tested[name] = TestedCodecs.of(trials, grid.experiment.evaluations[name], choice.replicates, draw)
            eers[name][job.cell_id] = tested[name].eers(trials)
    return tested, eers
