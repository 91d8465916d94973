"""`codecgrid import`: imports a corpus from its own protocol files into the store."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from grid.core.errors import RequestError
from tasks.audit import print_warnings
from tasks.console import AsJson, out, print_json, single, table
from tasks.pack import pack_with_progress, print_packed
from tasks.ranges import require_within

if TYPE_CHECKING:
    from grid.corpus.audit.results import Audit
    from grid.corpus.published_counts import Comparison


def import_corpus(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="csv, vctk, asvspoof5, cdd, codecfake-plus, rirs, ...")],
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="its protocol file or folder, here or on s3://, gs://, hf://")
    ],
    name: Annotated[str | None, typer.Option(help="what experiments call it  [default: from the path]")] = None,
    root: Annotated[str, typer.Option(help="where results live")] = "results",
    max_rejected_share: Annotated[float, typer.Option(help="more unusable rows than this stop the import")] = 0.01,
    option: Annotated[list[str] | None, typer.Option(help="KEY=VALUE for the reader; may be repeated")] = None,
    pack: Annotated[
        bool | None,
        typer.Option("--pack/--no-pack", help="copy the recordings into the root  [default: if it is a bucket]"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Import a corpus: check every file, write its manifest and the table of rejected rows."""
    import io

    import pyarrow.parquet as pq
    from pydantic import ValidationError

    from grid.config.experiment import CorpusSource
    from grid.corpus.audit.compute import audit
    from grid.corpus.audit.stored import audited_corpus
    from grid.corpus.holdings import summary
    from grid.corpus.imported import register_corpus
    from grid.corpus.location import is_uri
    from grid.corpus.published_counts import compare, published_counts
    from grid.corpus.readers import READERS
    from tasks.places import open_root

    require_within("--max-rejected-share", max_rejected_share, 0, 1)
    READERS.get(kind)
    location = path.rstrip("/") if is_uri(path) else str(Path(path).resolve())
    try:
        source = CorpusSource(
            name=name or _likely_name(location),
            reader=kind,
            path=location,
            options=_options(option or []),
            max_rejected_share=max_rejected_share,
        )
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise RequestError(f"--name {name or _likely_name(location)!r}: {reason}") from error
    store = open_root(root)
    corpus = register_corpus(store, source, Path())
    packed = pack_with_progress(store, source.name) if pack or (pack is None and not store.is_local) else None
    manifest = pq.read_table(io.BytesIO(store.read_bytes(f"{corpus.folder}/manifest.parquet")))
    counts = [
        {"split": c.split, "key": c.key, "utterances": c.utterances, "speakers": c.speakers, "hours": c.hours}
        for c in summary(manifest)
    ]
    published = compare(manifest, published_counts(kind, Path(location), source.options))
    found = audit([audited_corpus(store, source.name)])
    if as_json:
        print_json(
            {
                "name": source.name,
                "utterances": corpus.utterances,
                "rejected": corpus.rejected,
                "packed": None if packed is None else packed.results,
                "splits": counts,
                "published": [asdict(item) | {"differs": item.differs} for item in published],
                "warnings": found.warnings(),
            }
        )
        return
    _show(source.name, counts)
    _show_published(published)
    out.print(f"manifest: {store.uri(corpus.folder)}/manifest.parquet", soft_wrap=True, highlight=False)
    out.print(
        f"rejected: {corpus.rejected} rows, {store.uri(corpus.folder)}/rejected.parquet",
        soft_wrap=True,
        highlight=False,
    )
    if packed is None:
        out.print(f"recordings: {corpus.audio_root}", soft_wrap=True, highlight=False)
        out.print(f"  other machines read them after: codecgrid pack {source.name} --root {root}", soft_wrap=True)
    else:
        print_packed(packed)
    _show_audit(found, root)


def _likely_name(location: str) -> str:
    """The name of the corpus's folder in lower case: that of a protocol file is the folder that it lies in."""
    path = Path(location)
    is_file = path.is_file() or ("://" in location and path.suffix)
    return (path.parent if is_file else path).name.lower()


def _show(name: str, counts: list[dict[str, Any]]) -> None:
    shown = table("split", "key", "utterances", "speakers", "hours", title=name)
    for row in counts:
        shown.add_row(row["split"], row["key"], f"{row['utterances']:,}", f"{row['speakers']:,}", f"{row['hours']:.2f}")
    out.print(shown)


def _show_published(published: list[Comparison]) -> None:
    """Prints published counts beside imported ones, and how many differ; nothing for a corpus without them."""
    if not published:
        return
    shown = table("published of", "utterances", "published", "speakers", "published", "")
    for item in published:
        of = " ".join(f"{name}={value}" for name, value in item.of.items()) or "all"
        speakers = "" if item.published_speakers is None else f"{item.speakers:,}"
        numbers = [f"{item.utterances:,}", _number(item.published_utterances), speakers]
        shown.add_row(of, *numbers, _number(item.published_speakers), "differs" if item.differs else "")
    out.print(shown)
    different = sum(item.differs for item in published)
    stated_in = "; ".join(dict.fromkeys(item.stated_in for item in published))
    result = f"{different} of {len(published)} published counts differ" if different else "all published counts are met"
    out.print(f"{result} ({stated_in})", soft_wrap=True, highlight=False)


def _show_audit(found: Audit, root: str) -> None:
    """Prints what the manifest alone tells of shortcuts and of speakers in several splits, and how to hear the rest."""
    for shared in found.shared_speakers:
        if not shared.promised_by:
            out.print(shared.sentence, markup=False, highlight=False, soft_wrap=True)
    print_warnings(found)
    if found.unmeasured:
        command = shlex.join(["codecgrid", "audit", *found.corpora, "--root", root])
        out.print(f"what the audio tells of the classes: {command}", markup=False, highlight=False, soft_wrap=True)


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _options(items: list[str]) -> dict[str, str]:
    pairs = [item.partition("=") for item in items]
    for key, separator, _ in pairs:
        if not separator:
            raise RequestError(f"--option {key!r}: write it as KEY=VALUE")
    return {key: value for key, _, value in pairs}


if __name__ == "__main__":
    single(import_corpus)
