"""`codecgrid verify`: checks every record, digest and file of the results; says what is damaged and what mends it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from grid.core.errors import RequestError
from tasks.console import CELLS_FAILED, AsJson, err, out, print_json, single


def verify(
    root: Annotated[str, typer.Option(help="where results live: a folder, s3:// or gs://")] = "results",
    read_data_subset: Annotated[
        str, typer.Option(metavar="PERCENT", help="share of the audio shards to read, drawn anew each time")
    ] = "100%",
    repair: Annotated[
        bool, typer.Option("--repair", help="delete exactly what is damaged, so that a run makes it again")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check the results for damage. Status: 0 nothing is damaged; 2 wrong request; 3 something is, or was."""
    from contextlib import nullcontext
    from dataclasses import asdict

    from grid.verification.damage import Reading
    from grid.verification.verify import damages, no_run, remove
    from tasks.places import open_root

    reading = Reading(open_root(root, writes=False), share_of(read_data_subset))
    with no_run(reading.store) if repair else nullcontext():
        with err.status("verifying"):
            found = list(damages(reading))
        if repair:
            remove(reading.store, found)
    counts = {"steps": reading.steps, "shards": reading.shards, "shards_read": reading.shards_read}
    if as_json:
        damaged = [asdict(damage) for damage in found]
        print_json({**counts, "unverified": reading.unverified, "damaged": damaged, "removed": repair and bool(found)})
    else:
        for damage in found:
            lines = [f"damaged: {damage.path}: {damage.problem}"]
            lines += [f"  {'deleted' if repair else 'to delete'}: {path}" for path in damage.remove]
            lines += [f"  then: {damage.command}"]
            out.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
        read = f"{reading.steps} steps, {reading.shards_read} of {reading.shards} audio shards read"
        unverified = f", {len(reading.unverified)} files of an earlier version without a digest"
        out.print(f"{read}{unverified if reading.unverified else ''}: {len(found)} damaged", highlight=False)
        if found and not repair:
            out.print("`--repair` deletes what is to be deleted", highlight=False)
    if found:
        sys.exit(CELLS_FAILED)


def share_of(text: str) -> float:
    """A percentage such as `10%` as a fraction; RequestError unless it is above 0 and at most 100."""
    try:
        percent = float(text.removesuffix("%"))
    except ValueError:
        percent = 0.0
    if not 0 < percent <= 100:
        raise RequestError(f"--read-data-subset {text}: must be a percentage above 0 % and at most 100 %, such as 10%")
    return percent / 100


if __name__ == "__main__":
    single(verify)
