"""`codecgrid mos`: fills the predicted mean opinion scores of a corpus, from a CSV or from a predictor."""

from __future__ import annotations

from typing import Annotated

import typer

from grid.core.errors import RequestError
from tasks.console import AsJson, err, out, print_json, single

DEFAULT = "distillmos"
"""The predictor whose weights are in its package, so that it needs no network."""


def mos(
    corpus: Annotated[str, typer.Argument(metavar="CORPUS", help="the name of an imported corpus")],
    csv: Annotated[str | None, typer.Option("--csv", metavar="FILE", help="scores: utterance_id, mos")] = None,
    predictor: Annotated[
        str | None, typer.Option(help="without a CSV: distillmos, dnsmos or utmos  [default: distillmos]")
    ] = None,
    weights: Annotated[str | None, typer.Option(metavar="FILE", help="of the predictor  [default: its place]")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="other scores, and what was measured with them")] = False,
    root: Annotated[str, typer.Option(help="where results live")] = "results",
    as_json: AsJson = False,
) -> None:
    """Fill the column `mos` of a corpus, for evaluations with `mos_above` and for the figure of MOS by system."""
    from dataclasses import asdict
    from pathlib import Path

    from grid.corpus.rate import predict_scores, rate_corpus
    from grid.corpus.ratings import read_mos_csv
    from grid.mos import MOS_PREDICTORS
    from tasks.places import open_root

    if csv is not None and predictor is not None:
        raise RequestError(f"give --csv FILE, or --predictor ({', '.join(MOS_PREDICTORS.names())}), not both")
    store = open_root(root)
    if csv is not None:
        scores = read_mos_csv(Path(csv))
    else:
        predict = MOS_PREDICTORS.get(predictor or DEFAULT, where="--predictor")(Path(weights) if weights else None)
        with err.status("rating") as status:
            scores = predict_scores(
                store, corpus, predict, say=lambda done, of: status.update(f"rating: {done} of {of} utterances")
            )
    rated = rate_corpus(store, corpus, scores, replace=replace)
    if as_json:
        print_json({"corpus": corpus, **asdict(rated)})
        return
    out.print(f"{corpus}: {rated.rated} of {rated.utterances} utterances have a predicted MOS", highlight=False)
    if rated.removed:
        out.print(
            f"{rated.removed} tables of measurements were removed; report their experiments again", highlight=False
        )


if __name__ == "__main__":
    single(mos)
