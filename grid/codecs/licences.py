"""Licences that a user has to accept by name: non-commercial ones, and weights or code that have none."""

from __future__ import annotations

from collections.abc import Iterable

from grid.codecs.entry import CatalogueEntry
from grid.errors import RequestError


def require_accepted(entries: Iterable[CatalogueEntry], accepted: Iterable[str], how: str = "") -> None:
    """RequestError unless every entry that asks for it is among the `accepted` names; it says the licence and the line.

    `how` is what to write where there is no experiment file, such as `--accept-licence`.
    """
    known = set(accepted)
    asking = [entry for entry in entries if entry.accept_licence and entry.name not in known]
    if not asking:
        return
    names = sorted({entry.name for entry in asking})
    licences = "; ".join(f"{entry.name}: {entry.licence or 'no licence known'}" for entry in asking)
    line = how or f"write in the experiment file\n  accept_licence: [{', '.join([*sorted(known), *names])}]"
    raise RequestError(f"the licence of {', '.join(names)} has to be accepted ({licences}). If you may use it, {line}")
