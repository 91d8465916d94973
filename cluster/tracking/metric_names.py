"""Names of measurements as MLflow metrics, and back: `eer`, `T-CoSG`, `codec=dac` <-> `eer/T-CoSG/codec:dac`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from typing import Any

from grid.metrics.differences import Difference
from grid.metrics.evaluation import Measurement

# MLflow takes letters, digits, `_`, `-`, `.`, space, `:` and `/`. Here `/` parts, `:` is `=` and a space begins an
# escape: two hexadecimal digits for one byte of UTF-8.
_PLAIN = re.compile(r"[A-Za-z0-9_.-]")
_EMPTY = " "

COUNTS = ("n_bonafide", "n_spoof")
NUMBERS = tuple(f.name for f in fields(Measurement) if f.name not in ("evaluation", "condition"))
"""The numbers of a measurement, each a metric of its own."""
DIFFERENCES = tuple(f.name for f in fields(Difference) if f.name not in ("evaluation", "condition"))
"""The numbers of a difference from the baseline, likewise."""


def encode(text: str) -> str:
    """`text` in characters that MLflow takes, without `/`; different texts stay different."""
    if text.strip(".") == "":  # MLflow refuses parts such as `..`
        return "".join(map(_escape, text)) or _EMPTY
    return "".join(":" if c == "=" else c if _PLAIN.fullmatch(c) else _escape(c) for c in text)


def decode(name: str) -> str:
    """The text that `encode` made `name` from."""
    if name == _EMPTY:
        return ""
    return re.sub(r"(?: [0-9a-f]{2})+", lambda run: bytes.fromhex(run[0]).decode(), name.replace(":", "="))


def place(measurement: Measurement | Difference) -> str:
    """Where a measurement or a difference belongs: `EVALUATION/CONDITION`, both encoded."""
    return f"{encode(measurement.evaluation)}/{encode(measurement.condition)}"


def metrics(measurement: Measurement) -> dict[str, float]:
    """A measurement as MLflow metrics, its numbers as they are: EERs are fractions."""
    values = asdict(measurement)
    return {f"{number}/{place(measurement)}": float(values[number]) for number in NUMBERS}


def difference_metrics(difference: Difference) -> dict[str, float]:
    """A difference from the baseline as MLflow metrics, in fractions."""
    values = asdict(difference)
    return {f"{number}/{place(difference)}": float(values[number]) for number in DIFFERENCES}


def measurements(places: Iterable[str], logged: Mapping[str, float]) -> tuple[Measurement, ...]:
    """The measurements at `places` from the metrics of a run; KeyError when one is not there."""
    return tuple(_measurement(where, logged) for where in places)


def differences(places: Iterable[str], logged: Mapping[str, float]) -> tuple[Difference, ...]:
    """The differences at `places` from the metrics of a run; KeyError when one is not there."""
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
