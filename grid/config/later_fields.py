"""Fields that a model got after cells were made with it: a default is not written, so that those keep their ids."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


def without_defaults(model: BaseModel, values: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """The serialised `values` of a model without those of `names` that have their default."""
    defaults = {name for name in names if getattr(model, name) == type(model).model_fields[name].default}
    return {name: value for name, value in values.items() if name not in defaults}
