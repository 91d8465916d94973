"""The specification of a detector: input level, frontend and backend with every option, read from a YAML file.

configs/detectors/NAME.yaml -> DetectorSpec -> identity (into the cell's digest)
                                            -> build_detector -> grid.detectors.network.Detector
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic_core import ErrorDetails

from grid.config.later_fields import without_defaults
from grid.config.yaml_file import PlacedError, YamlFile, config_folder, parse, read_yaml
from grid.core.errors import RequestError, unknown_name
from grid.core.identity import Json, plain
from grid.core.plugins import Plugin, Registry
from grid.detectors.contract import BACKENDS, FRONTENDS, Backend, Frontend, PluginOptions

REVISION = 1
"""Increased by hand when the same specification and seed give other logits for a reason outside the plugins."""


ScoreKind = Literal["bona fide logit", "log odds"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class InputSpec(_Frozen):
    """How the level of a waveform is normalised before the frontend."""

    level: Literal["none", "rms"] = Field(
        default="none", description="rms: scale each item to the same root mean square"
    )
    dbfs: float | None = Field(
        default=None, le=0, description="the level for rms, in dB below full scale (-26 is usual)"
    )
    over: Literal["item", "utterance"] = Field(
        default="item",
        description="item: the input of the detector, after crop and augmentation; utterance: all of it, before both",
    )
    clip: bool = Field(default=False, description="cut off what passes full scale at the new level")
    pre_emphasis: float | None = Field(
        default=None, gt=0, lt=1, description="a in x[t] - a x[t - 1], of each item as the detector gets it"
    )

    @model_validator(mode="after")
    def _level_agrees(self) -> Self:
        if (self.level == "rms") != (self.dbfs is not None):
            raise RequestError(f"input level {self.level!r} with dbfs {self.dbfs}: give dbfs for rms, and only for rms")
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_defaults(self, write(self), ("pre_emphasis",))


class PluginSpec(_Frozen):
    """A frontend or backend by name, with the options that differ from its defaults."""

    name: str
    options: dict[str, Any] = Field(default_factory=dict)


class DetectorSpec(_Frozen):
    """A detector (countermeasure): input level, frontend, backend, and the score of its outputs. Imports no torch.

    The score of two logits is the second one, as AASIST's authors have it, or the `log odds`, the second minus the
    first, which ranks as the softmax of the second does.

    Validation rejects unknown names and options, wrong types and a backend that cannot take the frontend's features.
    """

    name: str
    input: InputSpec = InputSpec()
    frontend: PluginSpec
    backend: PluginSpec
    score: ScoreKind = "bona fide logit"

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        features, backend = self.resolved_frontend().features, self.resolved_backend()
        if features.kind != backend.accepts:
            raise PlacedError(
                f"backend {self.backend.name!r} takes features of kind {backend.accepts!r}, "
                f"but frontend {self.frontend.name!r} gives {features.kind!r}; choose another of the two",
                ("backend",),
            )
        if self.score == "log odds" and (backend.head, backend.outputs) != ("logits", 2):
            raise PlacedError(
                f"score 'log odds' is of two logits, and backend {self.backend.name!r} gives "
                f"{backend.outputs} {backend.head}; leave `score` out",
                ("score",),
            )
        if backend.head == "cosines" and features.layers != backend.outputs:
            raise PlacedError(
                f"backend {self.backend.name!r} gives {backend.outputs} cosines, but frontend "
                f"{self.frontend.name!r} has {features.layers} layers; make the two agree",
                ("backend",),
            )
        try:
            backend.check(features)
        except RequestError as error:
            raise PlacedError(str(error), ("backend",)) from error
        return self

    def resolved_frontend(self) -> Frontend[Any]:
        """The frontend's declaration with all its options."""
        plugin = _plugin(FRONTENDS, self.frontend, "frontend")
        return plugin(_options(plugin.Options, self.frontend, "frontend"))

    def resolved_backend(self, classes: int | None = None) -> Backend[Any]:
        """The backend's declaration with all its options, for a policy of several outputs with one for each class.

        Raises RequestError for a backend that cannot have that many outputs.
        """
        plugin = _plugin(BACKENDS, self.backend, "backend")
        backend = plugin(_options(plugin.Options, self.backend, "backend"), classes)
        if classes is not None and (backend.head != "logits" or backend.outputs != classes):
            raise RequestError(
                f"detector {self.name!r} cannot tell {classes} classes apart: its backend {self.backend.name!r} gives "
                f"{backend.outputs} {backend.head}"
            )
        return backend

    def identity(self) -> dict[str, Json]:
        """All that can change the detector's scores except the seed and the weights: options in full, and revisions.

        The detector's own name is a label and not included: two names of the same detector are the same cell.
        """
        frontend, backend = self.resolved_frontend(), self.resolved_backend()
        return {
            "revision": REVISION,
            "input": plain(self.input),
            "frontend": {
                "name": self.frontend.name,
                "revision": frontend.revision,
                "options": plain(frontend.options),
            },
            "backend": {"name": self.backend.name, "revision": backend.revision, "options": plain(backend.options)},
            **({"score": self.score} if self.score != "bona fide logit" else {}),  # added later: others keep their ids
        }


def detectors_folder() -> Path:
    """The folder of the committed detector files, beside the package."""
    return config_folder() / "detectors"


def detector_names(folder: Path | None = None) -> list[str]:
    """The names that `load_detector_spec` accepts, sorted: codecgrid's own and those in `folder`."""
    return sorted({path.stem for place in _places(folder) for path in place.glob("*.yaml")})


def detector_file(name: str, folder: Path | None = None) -> Path:
    """The file of the detector `name`: in `folder`, else codecgrid's own; RequestError for an unknown name."""
    names = detector_names(folder)
    if name not in names:
        raise unknown_name("detector", name, names)
    files = (place / f"{name}.yaml" for place in _places(folder))
    return next(file for file in files if file.is_file())


def load_detector_spec(name_or_path: str | Path, folder: Path | None = None) -> DetectorSpec:
    """The detector called `NAME` (`folder/NAME.yaml`, else codecgrid's own) or written in the YAML file at a path.

    Raises RequestError that names file, key, value and choices when there is no such detector or the file is wrong.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        path = detector_file(str(name_or_path), folder)
    if not path.is_file():
        raise RequestError(f"there is no detector file {str(path)!r}; known detectors: {', '.join(detector_names())}")
    file = read_yaml(path)
    return parse(DetectorSpec, replace(file, values={"name": path.stem} | file.values))


def parse_detector_spec(values: dict[str, Any], where: str = "detector") -> DetectorSpec:
    """The detector that `values` (what a YAML file holds) describe; RequestError with `where` when they are wrong."""
    return parse(DetectorSpec, YamlFile(Path(where), values, lines={}))


def _places(folder: Path | None) -> list[Path]:
    return [detectors_folder()] if folder is None else [folder, detectors_folder()]


def _plugin(registry: Registry[Plugin], spec: PluginSpec, kind: str) -> Plugin:
    try:
        return registry.get(spec.name)
    except RequestError as error:
        raise PlacedError(f"{kind}.name: {error}", (kind, "name")) from error


def _options(model: type[PluginOptions], spec: PluginSpec, kind: str) -> PluginOptions:
    """The options of a plugin in full; PlacedError for the first that is wrong."""
    try:
        return model.model_validate(spec.options)
    except ValidationError as error:
        fault = error.errors()[0]
        message = _explained(fault, model, f"{kind} {spec.name!r}")
        raise PlacedError(message, (kind, "options", *fault["loc"])) from error


def _explained(fault: ErrorDetails, model: type[BaseModel], where: str) -> str:
    """The message of a pydantic error as RequestError words it: place, value and choices."""
    inner = fault.get("ctx", {}).get("error")
    if isinstance(inner, RequestError):
        return f"{where}: {inner}"
    place = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        holder: Any = model
        for part in fault["loc"][:-1]:
            holder = holder.model_fields[part].annotation
        return str(unknown_name("option", fault["loc"][-1], holder.model_fields, where=f"{where}: {place}"))
    value = "" if fault["type"] in ("missing", "value_error") else f", not {fault['input']!r}"
    return f"{where}: {place + ': ' if place else ''}{fault['msg']}{value}"
