"""The steps of the planning benchmarks, each to be run in a process of its own: ours and the alternatives."""

from __future__ import annotations

import json
import os
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from grid.cells.status import planned_action
from grid.core.store import Store
from grid.corpus.imported import StoredCorpus, stored_corpus
from grid.experiment.grid import Grid, resolve
from grid.resynthesis.plan import input_rows, plan_render, shards_to_do
from grid.resynthesis.render import ROW_SCHEMA, finish_render
from grid.resynthesis.rendition import RAW, Chain
from tests.benchmarks.codecfake_plus import CORPUS, codec_names, rendered


def plan(root: str, config: str) -> dict[str, Any]:
    """All cells with what a run would do with each, all renditions with the shards that are not there yet."""
    store = Store.open(root)
    grid = resolve(config, store)
    actions = [planned_action(store, job)[0] for job in grid.cells]
    corpus = _corpus(store)
    rows, shards = 0, 0
    for rendition in grid.renditions:
        job = plan_render(store, rendition, corpus)
        shards += len(shards_to_do(store, job))
        rows += job.shards[-1][1] if rendition.chain.codec else 0
    return {"cells": len(actions), "shards": shards, "rows": rows}


def plan_by_file(root: str) -> dict[str, Any]:
    """The alternative: a work item, and a look for its file, for each utterance and codec; no cells at all."""
    manifest = pq.read_table(f"{root}/corpora/{CORPUS}/manifest.parquet").to_pylist()
    items = [{**row, "out": f"{root}/{codec}/{row['path']}"} for codec in codec_names() for row in manifest]
    return {"rows": sum(not os.path.exists(item["out"]) for item in items)}


def prepare(root: str, config: str) -> None:
    """Puts the manifest of the recordings' rendition into the store, as if that one had been made."""
    store = Store.open(root)
    grid = resolve(config, store)
    table = rendered(pq.read_table(f"{root}/corpora/{CORPUS}/manifest.parquet"), "")
    folder = grid.rendition(grid.corpora[0], RAW).folder
    _write_manifest(store, folder, table)


def prepare_shards(root: str, config: str) -> None:
    """Writes what the workers leave of one rendition: a table of rows for each shard, and audio files with nothing."""
    store = Store.open(root)
    grid = resolve(config, store)
    rendition, job = _first_codec(store, grid)
    table = rendered(input_rows(store, job), rendition.chain.codec)
    table = table.select(ROW_SCHEMA.names).cast(ROW_SCHEMA).replace_schema_metadata({"failures": json.dumps([])})
    for number, (start, stop) in enumerate(job.shards):
        with store.writing(f"{job.folder}/rows-{number:05d}.parquet") as temporary:
            pq.write_table(table.slice(start, stop - start), temporary, compression="zstd")
        store.write_bytes(f"{job.folder}/shard-{number:05d}.parquet", b"")


def join(root: str, config: str) -> dict[str, Any]:
    """Joins the rows of one rendition's shards into its manifest and marks it as done."""
    store = Store.open(root)
    rendition, job = _first_codec(store, resolve(config, store))
    return {"rows": finish_render(store, rendition, job, 0.01).results["utterances"]}


def prepare_finished(root: str, config: str) -> None:
    """Leaves the recordings and all 31 codecs as finished renditions, without audio."""
    store = Store.open(root)
    grid = resolve(config, store)
    recordings = pq.read_table(f"{root}/corpora/{CORPUS}/manifest.parquet")
    for codec in ("", *codec_names()):
        folder = grid.rendition(grid.corpora[0], Chain(codec=codec)).folder
        _write_manifest(store, folder, rendered(recordings, codec))
        store.write_json(f"{folder}/record.json", {})


def read(root: str, config: str) -> dict[str, Any]:
    """The training set of a cell that all 31 codecs feed, and the items of its first epoch."""
    from grid.inputs.batches import UtteranceLoader
    from grid.inputs.preparation import preparation_of
    from grid.training.cell_items import CellDataset

    store = Store.open(root)
    grid = resolve(config, store)
    cell = next(cell for cell in grid.cells if cell.selection == "all" and cell.mixing.how == "append")
    audio = UtteranceLoader(store, preparation_of(store, cell), "train", cell.seed)
    data = CellDataset(cell, audio, "train")
    return {"items": len(data.training_set.items(0)), "rows": sum(len(audio.source(folder)) for folder in data.folders)}


def read_with_pandas(root: str, config: str) -> dict[str, Any]:
    """The alternative to `read`: one data frame of all manifests."""
    store = Store.open(root)
    grid = resolve(config, store)
    chains = [Chain(codec=codec) for codec in ("", *codec_names())]
    folders = [grid.rendition(grid.corpora[0], chain).folder for chain in chains]
    table = pd.concat([pd.read_parquet(store.local(f"{folder}/manifest.parquet")) for folder in folders])
    return {"rows": int((table["split"] == "train").sum())}


def _first_codec(store: Store, grid: Grid) -> tuple[Any, Any]:
    rendition = grid.rendition(grid.corpora[0], Chain(codec=codec_names()[0]))
    return rendition, plan_render(store, rendition, _corpus(store))


def _corpus(store: Store) -> StoredCorpus:
    corpus = stored_corpus(store, CORPUS)
    assert corpus is not None
    return corpus


def _write_manifest(store: Store, folder: str, table: pa.Table) -> None:
    with store.writing(f"{folder}/manifest.parquet") as temporary:
        pq.write_table(table, temporary, compression="zstd")
