"""Names of MLflow metrics (`eer`, `T-CoSG`, `codec=dac` <-> `eer/T-CoSG/codec:dac`), and the params of a cell's run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from typing import Any

from grid.analysis.results import codec_facts
from grid.cells.job import CellJob
from grid.core.identity import digest
from grid.metrics.differences import Difference
from grid.metrics.evaluation import Measurement

# MLflow takes letters, digits, `_`, `-`, `.`, space, `:` and `/`. Here `/` separates, `:` stands for `=`, and a space
# begins an escape: two hexadecimal digits for one byte of UTF-8.
_PLAIN = re.compile(r"[A-Za-z0-9_.-]")
_EMPTY = " "
VALUE_LENGTH = 5000  # MLflow cuts at 6000 (params) and 8000 (tags), and a value that was cut would never agree
COUNTS = ("n_bonafide", "n_spoof")
NUMBERS = tuple(f.name for f in fields(Measurement) if f.name not in ("evaluation", "condition"))
"""The numbers of a measurement, each a metric of its own."""
DIFFERENCES = tuple(f.name for f in fields(Difference) if f.name not in ("evaluation", "condition"))
"""The numbers of a difference from the baseline, likewise."""


def encode(text: str) -> str:
    """`text` in characters that MLflow accepts, without `/`; injective."""
    if text.strip(".") == "":  # MLflow refuses parts such as `..`
        return "".join(map(_escape, text)) or _EMPTY
    return "".join(":" if c == "=" else c if _PLAIN.fullmatch(c) else _escape(c) for c in text)


def decode(name: str) -> str:
    """The text that `encode` made `name` from."""
    if name == _EMPTY:
        return ""
    return re.sub(r"(?: [0-9a-f]{2})+", lambda run: bytes.fromhex(run[0]).decode(), name.replace(":", "="))


def place(measurement: Measurement | Difference) -> str:
    """`EVALUATION/CONDITION` of a measurement or a difference, both encoded: the second part of a metric's name."""
    return f"{encode(measurement.evaluation)}/{encode(measurement.condition)}"


def metrics(measurement: Measurement) -> dict[str, float]:
    """A measurement as MLflow metrics, with unscaled numbers: EERs are fractions."""
    values = asdict(measurement)
    return {f"{number}/{place(measurement)}": float(values[number]) for number in NUMBERS}


def difference_metrics(difference: Difference) -> dict[str, float]:
    """A difference from the baseline as MLflow metrics, in fractions."""
    values = asdict(difference)
    return {f"{number}/{place(difference)}": float(values[number]) for number in DIFFERENCES}


def measurements(places: Iterable[str], logged: Mapping[str, float]) -> tuple[Measurement, ...]:
    """The measurements at `places` from the metrics of a run; KeyError when one is missing."""
    return tuple(_measurement(where, logged) for where in places)


def differences(places: Iterable[str], logged: Mapping[str, float]) -> tuple[Difference, ...]:
    """The differences at `places` from the metrics of a run; KeyError when one is missing."""
    return tuple(_difference(where, logged) for where in places)


def _measurement(where: str, logged: Mapping[str, float]) -> Measurement:
    evaluation, _, condition = where.partition("/")
    values: dict[str, Any] = {number: logged[f"{number}/{where}"] for number in NUMBERS}
    values |= {number: int(values[number]) for number in COUNTS}
    return Measurement(evaluation=decode(evaluation), condition=decode(condition), **values)


def _difference(where: str, logged: Mapping[str, float]) -> Difference:
    evaluation, _, condition = where.partition("/")
    values = {number: logged[f"{number}/{where}"] for number in DIFFERENCES}
    return Difference(evaluation=decode(evaluation), condition=decode(condition), **values)


def _escape(character: str) -> str:
    return "".join(f" {byte:02x}" for byte in character.encode())


def cell_params(job: CellJob) -> dict[str, str]:
    """The params of a cell's run, which never change. The taxonomy is included for a single codec."""
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
    """`{"a": {"b": 1}}` as `a.b = 1`; empty values are left out."""
    for key, value in nested.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif value not in (None, "", [], ()):
            yield f"{prefix}{key}", value if isinstance(value, str) else json.dumps(value)


def _short(value: str) -> str:
    return value if len(value) <= VALUE_LENGTH else f"{value[: VALUE_LENGTH - 20]}... {digest(value)}"
