"""`codecgrid resynth`: resynthesises one audio file with one codec."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tasks.codecs.check import AcceptLicence, accepted
from tasks.codecs.code_file import read_file
from tasks.console import out, single
from tasks.device import Device


def resynth(
    codec: Annotated[str, typer.Argument(metavar="CODEC", help="a name of `codecgrid codecs`")],
    source: Annotated[str, typer.Argument(metavar="IN.wav", help="any format that libsndfile reads")],
    target: Annotated[str, typer.Argument(metavar="OUT.wav", help="16 kHz, mono, PCM16")],
    seed: Annotated[int, typer.Option(help="of a codec that draws random numbers")] = 0,
    device: Device = "cpu",
    accept_licence: AcceptLicence = False,
) -> None:
    """Send a file through a codec: same length, aligned."""
    import soundfile

    from grid.codecs.catalogue import build
    from grid.core.errors import RequestError
    from grid.core.vocabulary import SAMPLE_RATE
    from grid.resynthesis.shards import to_pcm16

    if not soundfile.check_format(Path(target).suffix.removeprefix(".").upper(), "PCM_16"):
        raise RequestError(f"cannot write {target!r}: end it with .wav, .flac, or another suffix of a PCM format")
    if Path(target).is_dir():
        raise RequestError(f"cannot write {target}: it is a folder; give the file to write")
    built = build(accepted(codec, accept_licence).name, device=device)
    decoded = read_file(source).through(built, seed)
    pcm, clipped = to_pcm16(decoded)
    try:
        soundfile.write(target, pcm, SAMPLE_RATE, subtype="PCM_16")
    except (soundfile.LibsndfileError, TypeError, ValueError) as error:
        raise RequestError(f"cannot write {target}: {error}") from error
    note = f", {clipped} samples clipped" if clipped else ""
    out.print(f"{target}: {len(pcm) / SAMPLE_RATE:.2f} s through {codec}{note}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    single(resynth)
