"""Significance tests of finished cells: each training against the best baseline of its seed, with Holm's correction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from grid.cells.job import CellJob
from grid.cells.status import cell_states
from grid.config.analyses import SignificanceChoice
from grid.config.experiment import Experiment
from grid.core.randomness import seed_number
from grid.core.store import Store
from grid.core.vocabulary import NO_CORS
from grid.experiment.grid import Grid
from grid.measuring.measure import scored_trials
from grid.measuring.trials import Condition, Trials, condition_speakers, condition_systems, conditions
from grid.metrics.detection import eer
from grid.metrics.paired_tests import EerTest, Predictions, ScorePair, best_baseline, eer_tests, prediction_tests


@dataclass(frozen=True)
class Procedure:
    """The settings of all tests of an experiment: level, definition of a prediction, replicates of the bootstrap."""

    level: float
    predictions: Predictions
    replicates: int


@dataclass(frozen=True)
class Significance:
    """A finished cell against `baseline`, the detector with the lowest pooled EER among the baselines of its seed.

    `eer` and `baseline_eer` are pooled (fractions). `t_p` and `wilcoxon_p` are p-values of the paired tests on
    predictions, NaN where there is nothing to test. `difference` (fraction), its bounds and `bootstrap_p` are of the
    paired bootstrap of the EER, and `adjusted_p` is corrected for all comparisons of the grid (Holm). `drawn` says what
    the bootstrap draws, such as `8 speakers`; `note` says why there is too little data to test, "" where there is
    enough.
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
        """Whether both tests on predictions are significant, as the CodecFake paper requires."""
        return self.t_p < self.procedure.level and self.wilcoxon_p < self.procedure.level

    @property
    def eers_differ(self) -> bool:
        """Whether the bootstrap test is significant after the correction for multiple comparisons."""
        return self.adjusted_p < self.procedure.level


@dataclass(frozen=True)
class _Comparison:
    """A cell and the best baseline on one evaluation."""

    job: CellJob
    evaluation: str
    baseline: str
    pair: ScorePair


def significance(store: Store, grid: Grid) -> tuple[Significance, ...]:
    """Every finished cell that is not a baseline against the best baseline of its seed.

    Empty without `significance` in the experiment file. A pure function of the scores. The correction for multiple
    comparisons is over all of them, evaluations and seeds included.
    """
    choice = grid.experiment.significance
    if choice is None:
        return ()
    comparisons = list(_comparisons(store, grid, choice))
    tests = eer_tests(
        [comparison.pair for comparison in comparisons],
        level=choice.level,
        replicates=choice.replicates,
        seed=seed_number("significance"),
    )
    return tuple(_result(comparison, test, choice) for comparison, test in zip(comparisons, tests, strict=True))


def _result(comparison: _Comparison, test: EerTest, choice: SignificanceChoice) -> Significance:
    pair = comparison.pair
    predicted = prediction_tests(
        pair.scores, pair.baseline, of=choice.predictions, level=choice.level, condition=pair.name
    )
    return Significance(
        cell_id=comparison.job.cell_id,
        evaluation=comparison.evaluation,
        baseline=comparison.baseline,
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
    """The units that the bootstrap draws, with their number where they are speakers or systems."""
    for kind, groups in (("speakers", pair.groups), ("systems", pair.systems)):
        if groups is not None:
            return f"{len({name for group in groups for name in group})} {kind}"
    return "utterances"


def _comparisons(store: Store, grid: Grid, choice: SignificanceChoice) -> Iterator[_Comparison]:
    done = [state.job for state in cell_states(store, grid.cells) if state.status == "done"]
    trials_of_cell = {job.cell_id: scored_trials(store, job) for job in done}
    for name in choice.evaluations or tuple(grid.experiment.evaluations):
        for seed in dict.fromkeys(job.seed for job in done):
            of_seed = [job for job in done if job.seed == seed]
            baselines = {job.detector: job for job in of_seed if _is_baseline(job, choice)}
            if not baselines:
                continue
            pooled = {job.cell_id: _pooled(trials_of_cell[job.cell_id], grid.experiment, name) for job in of_seed}
            scores = {job.cell_id: trials_of_cell[job.cell_id].scores(pooled[job.cell_id]) for job in of_seed}
            best = best_baseline({detector: scores[job.cell_id] for detector, job in baselines.items()})
            baseline_scores = scores[baselines[best].cell_id]
            for job in of_seed:
                if not _is_baseline(job, choice):
                    trials, condition = trials_of_cell[job.cell_id], pooled[job.cell_id]
                    place = f"{name}: {job.selection}, {job.policy}, {job.detector}, seed {seed}"
                    unit = grid.experiment.bootstrap.unit
                    pair = ScorePair(
                        place,
                        scores[job.cell_id],
                        baseline_scores,
                        groups=condition_speakers(trials, condition) if unit == "speaker" else None,
                        systems=condition_systems(trials, condition) if unit == "conditional" else None,
                    )
                    yield _Comparison(job, name, best, pair)


def _is_baseline(job: CellJob, choice: SignificanceChoice) -> bool:
    return job.detector in choice.baselines and job.policy == NO_CORS


def _pooled(trials: Trials, experiment: Experiment, evaluation: str) -> Condition:
    return next(iter(conditions(trials, experiment.evaluations[evaluation])))
