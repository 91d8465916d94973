"""`codecgrid codecs build` and `codecgrid codecs check`: builds a codec's environment; measures a codec on one file."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tasks.codecs.code_file import read_file
from tasks.console import AsJson, err, out, print_json, table
from tasks.device import Device

if TYPE_CHECKING:
    from grid.codecs.entry import CatalogueEntry

Name = Annotated[str, typer.Argument(metavar="NAME", help="a codec")]
AcceptLicence = Annotated[
    bool, typer.Option("--accept-licence", help="you may use it, though it is non-commercial or has no licence")
]


def build(
    name: Annotated[str, typer.Argument(metavar="NAME", help="a codec, or an environment by its own name")],
) -> None:
    """Build the environment that a codec runs in, ahead of time."""
    from grid.codecs.catalogue import load_catalogue
    from grid.codecs.isolation.building import build_environment
    from grid.codecs.isolation.declaration import declaration, find_declaration

    def say(text: str) -> None:
        err.print(text, markup=False, highlight=False, soft_wrap=True)

    declared = find_declaration(name)
    if declared is None:
        entry = load_catalogue().get(name)
        if entry.isolated is None:
            out.print(f"{name} runs in codecgrid's own environment: nothing to build", highlight=False)
            return
        declared = declaration(entry.isolated, where=f"codec {name}")
    built = build_environment(declared, say)
    out.print(f"{declared.name}: {built.folder}", markup=False, highlight=False, soft_wrap=True)


def check(
    name: Name,
    source: Annotated[str, typer.Argument(metavar="WAV", help="any format that libsndfile reads")],
    seed: Annotated[int, typer.Option(help="of a codec that draws random numbers")] = 0,
    device: Device = "cpu",
    accept_licence: AcceptLicence = False,
    as_json: AsJson = False,
) -> None:
    """Run a codec on a file: its length, delay, level, log-spectral distance and speed."""
    figures = _figures(accepted(name, accept_licence), source, seed, device)
    if as_json:
        print_json(figures)
        return
    shown = table("", "")
    shown.show_header = False
    for word, value in figures.items():
        shown.add_row(word.replace("_", " "), f"{value:.4g}" if isinstance(value, float) else str(value))
    out.print(shown)


def accepted(name: str, accept_licence: bool) -> CatalogueEntry:
    """The entry of a codec; RequestError when its licence has to be accepted and was not."""
    from grid.codecs.catalogue import load_catalogue, require_accepted

    entry = load_catalogue().get(name)
    require_accepted([entry], [name] if accept_licence else [], how="say so with --accept-licence")
    return entry


def _figures(entry: CatalogueEntry, source: str, seed: int, device: str) -> dict[str, Any]:
    """The figures of a codec on one file. The second run is timed, because the first also builds and loads."""
    import numpy as np

    from grid.codecs.catalogue import build as build_codec
    from grid.codecs.fidelity import inspect_pair
    from grid.core.vocabulary import SAMPLE_RATE

    file, codec = read_file(source), build_codec(entry.name, device=device)
    samples = file.reference
    started = time.perf_counter()
    decoded = file.through(codec, seed)
    first = time.perf_counter() - started
    started = time.perf_counter()
    again = file.through(codec, seed)
    seconds = time.perf_counter() - started
    fidelity = inspect_pair(samples, decoded)
    native = codec.adapter.code(np.zeros((1, codec.adapter.sample_rate), dtype=np.float32), [0])
    return {
        "codec": entry.name,
        "environment": entry.environment,
        "seconds_in": len(samples) / SAMPLE_RATE,
        "samples_in": len(samples),
        "samples_out": len(decoded),
        "native_samples_for_one_second": int(native.shape[1]),
        "declared_delay_native_samples": codec.adapter.delay,
        "lag_samples": fidelity.lag,
        "level_change_db": fidelity.level_change,
        "log_spectral_distance_db": fidelity.log_spectral_distance,
        "correlation": fidelity.correlation,
        "repeats_bit_for_bit": bool(np.array_equal(decoded, again)),
        "first_run_seconds": first,
        "real_time_factor": seconds * SAMPLE_RATE / len(samples),
    }
