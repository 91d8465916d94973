"""Scores of finished cells and of the baselines -> which trainings differ from the best baseline, tested together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid.cells.job import CellJob
from grid.cells.status import cell_state
from grid.config.analyses import SignificanceChoice
from grid.config.experiment import Experiment
from grid.core.randomness import seed_number
from grid.core.store import Store
from grid.core.vocabulary import NO_CORS
from grid.experiment.grid import Grid
from grid.measuring.measure import scored_trials
from grid.measuring.trials import Condition, Trials, condition_speakers, condition_systems, conditions
from grid.metrics.detection import eer
from grid.metrics.differences import Scores
from grid.metrics.paired_tests import EerTest, Predictions, ScorePair, best_baseline, eer_tests, prediction_tests


@dataclass(frozen=True)
class Procedure:
    """What all tests of an experiment share: their level, what a prediction is, the replicates of the bootstrap."""

    level: float
    predictions: Predictions
    replicates: int


@dataclass(frozen=True)
class Significance:
    """A finished cell against `baseline`, the detector with the lowest pooled EER of the baselines of its seed.

    `eer` and `baseline_eer` are pooled (fractions). `t_p` and `wilcoxon_p` are of the paired tests on predictions, NaN
    where there is nothing to test; `difference` (fraction), its bounds and `bootstrap_p` of the paired bootstrap of
    the EER, `adjusted_p` for all comparisons of the grid (Holm). `drawn` says what the bootstrap draws, `8 speakers`;
    `note` why the tests say little, "" where they can speak.
    """

    cell_id: str
    evaluation: str
    baseline: str
    eer: float
    baseline_eer: float
    t_p: float
    wilcoxon_p: float
    difference: float
    lower: float
    upper: float
    bootstrap_p: float
    adjusted_p: float
    drawn: str
    procedure: Procedure
    note: str

    @property
    def predictions_differ(self) -> bool:
        """Whether both tests on predictions say so, as the CodecFake paper asks."""
        return self.t_p < self.procedure.level and self.wilcoxon_p < self.procedure.level

    @property
    def eers_differ(self) -> bool:
        """Whether the bootstrap says so after the correction for many comparisons."""
        return self.adjusted_p < self.procedure.level


@dataclass(frozen=True)
class _Comparison:
    """A cell and the best baseline on one evaluation."""

    job: CellJob
    evaluation: str
    baseline: str
    pair: ScorePair


def significance(store: Store, grid: Grid) -> tuple[Significance, ...]:
    """Every finished cell that is no baseline against the best baseline of its seed; none where none are asked for.

    A pure function of the scores. The correction for many comparisons counts all of them, evaluations and seeds alike.
    """
    choice = grid.experiment.significance
    if choice is None:
        return ()
    compared = list(_comparisons(store, grid, choice))
    tests = eer_tests(
        [each.pair for each in compared],
        level=choice.level,
        replicates=choice.replicates,
        seed=seed_number("significance"),
    )
    return tuple(_result(each, test, choice) for each, test in zip(compared, tests, strict=True))


def _result(compared: _Comparison, test: EerTest, choice: SignificanceChoice) -> Significance:
    pair = compared.pair
    predicted = prediction_tests(
        pair.scores, pair.baseline, of=choice.predictions, level=choice.level, condition=pair.name
    )
    return Significance(
        cell_id=compared.job.cell_id,
        evaluation=compared.evaluation,
        baseline=compared.baseline,
        eer=eer(*pair.scores, condition=pair.name).eer,
        baseline_eer=eer(*pair.baseline, condition=pair.name).eer,
        t_p=predicted.t_p_value,
        wilcoxon_p=predicted.wilcoxon_p_value,
        difference=test.difference,
        lower=test.lower,
        upper=test.upper,
        bootstrap_p=test.p_value,
        adjusted_p=test.adjusted,
        drawn=_drawn(pair),
        procedure=Procedure(choice.level, choice.predictions, choice.replicates),
        note="; ".join(dict.fromkeys(filter(None, (predicted.note, test.note)))),
    )


def _drawn(pair: ScorePair) -> str:
    """What the bootstrap draws anew, and how many of it there are."""
    for kind, groups in (("speakers", pair.groups), ("systems", pair.systems)):
        if groups is not None:
            return f"{len({name for group in groups for name in group})} {kind}"
    return "utterances"


def _comparisons(store: Store, grid: Grid, choice: SignificanceChoice) -> Iterator[_Comparison]:
    done = [job for job in grid.cells if cell_state(store, job).status == "done"]
    known = {job.cell_id: scored_trials(store, job) for job in done}
    for name in choice.evaluations or tuple(grid.experiment.evaluations):
        for seed in dict.fromkeys(job.seed for job in done):
            of_seed = [job for job in done if job.seed == seed]
            baselines = {job.detector: job for job in of_seed if _is_baseline(job, choice)}
            if not baselines:
                continue
            pooled = {job.cell_id: _pooled(known[job.cell_id], grid.experiment, name) for job in of_seed}
            scores = {job.cell_id: _scores(known[job.cell_id], pooled[job.cell_id]) for job in of_seed}
            best = best_baseline({detector: scores[job.cell_id] for detector, job in baselines.items()})
            against = scores[baselines[best].cell_id]
            for job in of_seed:
                if not _is_baseline(job, choice):
                    trials, condition = known[job.cell_id], pooled[job.cell_id]
                    place = f"{name}: {job.selection}, {job.policy}, {job.detector}, seed {seed}"
                    unit = grid.experiment.bootstrap.unit
                    pair = ScorePair(
                        place,
                        scores[job.cell_id],
                        against,
                        groups=condition_speakers(trials, condition) if unit == "speaker" else None,
                        systems=condition_systems(trials, condition) if unit == "conditional" else None,
                    )
                    yield _Comparison(job, name, best, pair)


def _is_baseline(job: CellJob, choice: SignificanceChoice) -> bool:
    return job.detector in choice.baselines and job.policy == NO_CORS


def _pooled(trials: Trials, experiment: Experiment, evaluation: str) -> Condition:
    return next(iter(conditions(trials, experiment.evaluations[evaluation])))


def _scores(trials: Trials, condition: Condition) -> Scores:
    score: NDArray[np.float64] = trials.table["score"].to_numpy(np.float64)
    return score[condition.bonafide], score[condition.spoof]
