"""`codecgrid score`: scores audio files with any detector and weights file, such as the published AASIST weights."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated

import typer

from grid.core.errors import RequestError
from tasks.console import err, out, single
from tasks.device import Device
from tasks.places import require_writable
from tasks.ranges import require_within


def score(
    detector: Annotated[str, typer.Option(help="a name of configs/detectors, or a YAML file")],
    weights: Annotated[str, typer.Option(help=".pth (plain tensors) or .safetensors")],
    target: Annotated[str, typer.Option("--out", help="CSV: utterance_id,score; higher = more bona fide")],
    audio: Annotated[
        list[str] | None, typer.Argument(metavar="[AUDIO]...", help="files, instead of --protocol")
    ] = None,
    protocol: Annotated[str | None, typer.Option(help="CSV with the columns utterance_id,path")] = None,
    crop: Annotated[int, typer.Option(help="samples at 16 kHz that the detector takes; shorter audio repeats")] = 64600,
    batch_size: Annotated[int, typer.Option(help="utterances at once")] = 8,
    device: Device = "cpu",
) -> None:
    """Score audio files: the first CROP samples of each, or of its repetition.

    An utterance id that a spreadsheet would compute, such as =A1, has a single quote in front; codecgrid eer reads it.
    """
    from rich.progress import track

    from grid.config.recipe import LARGEST_BATCH, LONGEST_CROP, SHORTEST_CROP
    from grid.core.table_text import to_cell
    from grid.scoring.audio_files import FileScorer, files_of_protocol, files_to_score

    if (protocol is None) == (not audio):
        raise RequestError("give either --protocol CSV or audio files")
    require_within("--crop", crop, SHORTEST_CROP, LONGEST_CROP)
    require_within("--batch-size", batch_size, 1, LARGEST_BATCH)
    path = require_writable(target, "--out")
    files = files_of_protocol(protocol) if protocol else files_to_score(map(Path, audio or []))
    scorer = FileScorer(detector, weights, crop=crop, device=device)
    batches = [files[i : i + batch_size] for i in range(0, len(files), batch_size)]
    rows = [
        row for batch in track(batches, "scoring", console=err, disable=not err.is_terminal) for row in scorer(batch)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["utterance_id", "score"])
        writer.writerows((to_cell(name), repr(value)) for name, value in rows)
    out.print(f"{target}: {len(rows)} scores", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    single(score)
