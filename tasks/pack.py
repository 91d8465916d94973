"""`codecgrid pack`: copies the recordings of an imported corpus into the root, so that every machine can read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tasks.console import AsJson, err, out, print_json, single

if TYPE_CHECKING:
    from grid.core.record import Record
    from grid.core.store import Store


def pack(
    corpus: Annotated[str, typer.Argument(metavar="CORPUS", help="the name it was imported under")],
    root: Annotated[str, typer.Option(help="where results live: a folder, s3:// or gs://")] = "results",
    as_json: AsJson = False,
) -> None:
    """Copy the recordings of an imported corpus into the root; where it was stopped, it goes on."""
    from tasks.places import open_root

    record = pack_with_progress(open_root(root), corpus)
    if as_json:
        print_json(record.results)
    else:
        print_packed(record)


def pack_with_progress(store: Store, corpus: str) -> Record:
    """Packs the corpus imported under this name, with its parts counted on the terminal; its record."""
    from grid.corpus.imported import pack_corpus

    with err.status(f"packing {corpus}") as status:
        return pack_corpus(store, corpus, say=lambda done, of: status.update(f"packing {corpus}: {done} of {of} parts"))


def print_packed(record: Record) -> None:
    """What a packed copy holds, in a line."""
    packed = record.results
    size = f"{packed['bytes'] / 1e9:.2f} GB" if packed["bytes"] >= 1e7 else f"{packed['bytes'] / 1e6:.2f} MB"
    out.print(f"packed: {packed['files']:,} recordings, {size}, in {packed['parts']:,} parts", highlight=False)


if __name__ == "__main__":
    single(pack)
