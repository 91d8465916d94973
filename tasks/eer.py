"""`codecgrid eer`: the EER of any score file with its interval, pooled and for each value of a protocol column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tasks.console import AsJson, out, print_json, single
from tasks.ranges import require_within

if TYPE_CHECKING:
    import pandas as pd


def eer(
    scores: Annotated[str, typer.Argument(metavar="SCORES", help="CSV: utterance_id,score; higher = more bona fide")],
    protocol: Annotated[str, typer.Option(help="CSV: utterance_id,path,key and any condition columns")],
    condition: Annotated[str | None, typer.Option(help="a column of the protocol: one EER for each value")] = None,
    replicates: Annotated[int, typer.Option(help="of the bootstrap")] = 1000,
    level: Annotated[float, typer.Option(help="of the interval")] = 0.95,
    as_json: AsJson = False,
) -> None:
    """Compute EERs, in percent, with bootstrap intervals over utterances."""
    from grid.config.numbers import FEWEST_REPLICATES, MOST_REPLICATES
    from grid.measuring.score_csv import join_scores

    require_within("--replicates", replicates, FEWEST_REPLICATES, MOST_REPLICATES)
    require_within("--level", level, 0.01, 0.9999)
    trials = join_scores(scores, protocol, condition)
    pooled = _measured(trials, "pooled", replicates, level)
    values = sorted(set(trials["condition"].dropna()) - {""}) if condition else []
    rows = {value: _measured(_of(trials, value), f"{condition}={value}", replicates, level) for value in values}
    if as_json:
        print_json({**pooled, "conditions": rows} if condition else pooled)
        return
    for name, row in {"pooled": pooled, **rows}.items():
        low, high = row["interval"]
        text = f"EER {row['eer']:.2f} % ({low:.2f} to {high:.2f})"
        out.print(f"{name}: {text}, {row['n_bonafide']} bona fide, {row['n_spoof']} spoof", highlight=False)


def _of(trials: pd.DataFrame, value: str) -> pd.DataFrame:
    """The trials of one condition; where only spoofs have the value (an attack), with all bona fide trials."""
    chosen = trials["condition"] == value
    if not (chosen & (trials["key"] == "bonafide")).any():
        chosen |= trials["key"] == "bonafide"
    return trials[chosen]


def _measured(trials: pd.DataFrame, name: str, replicates: int, level: float) -> dict[str, Any]:
    from grid.metrics.evaluation import measure

    bonafide = trials.loc[trials["key"] == "bonafide", "score"].to_numpy()
    spoof = trials.loc[trials["key"] == "spoof", "score"].to_numpy()
    measurement = measure("scores", name, bonafide, spoof, seed=0, replicates=replicates, level=level)
    return {
        "eer": 100 * measurement.eer,
        "interval": [100 * measurement.eer_lower, 100 * measurement.eer_upper],
        "n_bonafide": measurement.n_bonafide,
        "n_spoof": measurement.n_spoof,
    }


if __name__ == "__main__":
    single(eer)
