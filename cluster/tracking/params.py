"""What a cell is, as MLflow params: its identity in a flat form that tables can sort and group by."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from grid.identity import digest
from grid.job import CellJob
from grid.results import codec_facts

VALUE_LENGTH = 5000  # MLflow cuts at 6000 (params) and 8000 (tags), and a value that was cut would never agree


def cell_params(job: CellJob) -> dict[str, str]:
    """The params of a cell's run; nothing in them changes while it runs. The taxonomy is there for a single codec."""
    nested = {
        "selection": job.selection,
        "codecs": ",".join(job.codecs),
        "policy": job.policy,
        "detector": job.detector,
        "seed": job.seed,
        "codec": _taxonomy(job),
        "mixing": job.mixing.model_dump(mode="json"),
        "detector.options": job.identity.get("detector"),
        "recipe": job.recipe.model_dump(mode="json"),
        "corpora": job.identity.get("corpora"),
        "codec_seed": job.identity.get("codec_seed"),
    }
    return {key: _short(value) for key, value in _flat(nested)}


def _taxonomy(job: CellJob) -> dict[str, Any]:
    facts = codec_facts(set(job.codecs)) if len(job.codecs) == 1 else {}
    return {key: value for fact in facts.values() for key, value in asdict(fact).items() if key != "name"}


def _flat(nested: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """`{"a": {"b": 1}}` as `a.b = 1`; what is empty is left out."""
    for key, value in nested.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif value not in (None, "", [], ()):
            yield f"{prefix}{key}", value if isinstance(value, str) else json.dumps(value)


def _short(value: str) -> str:
    return value if len(value) <= VALUE_LENGTH else f"{value[: VALUE_LENGTH - 20]}... {digest(value)}"
