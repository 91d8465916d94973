"""`codecgrid codecs train`: trains members of the controlled family of small codecs, resumable."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tasks.console import out, single, table

if TYPE_CHECKING:
    from grid.corpora import StoredCorpus
    from grid.corpus.importing import ImportedCorpus
    from grid.small_codecs.progress import Line
    from grid.small_codecs.quality import Quality
    from grid.small_codecs.spec import CodecSpec
    from grid.store import Store


def train(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="files of configs/codecs")] = None,
    every: Annotated[bool, typer.Option("--all", help="all files of configs/codecs, one after another")] = False,
    corpus: Annotated[str, typer.Option(help="a protocol file, or the name of an imported corpus")] = "sample",
    reader: Annotated[str, typer.Option(help="how to read the protocol file")] = "csv",
    root: Annotated[str, typer.Option(help="where results live")] = "results",
    configs: Annotated[Path | None, typer.Option(help="a folder of member files instead of configs/codecs")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    release_to: Annotated[
        Path | None, typer.Option("--release", help="a weights folder that gets the weights and a card with quality")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="of torch; equal bits need equal threads")] = 1,
) -> None:
    """Train small codecs on the train split of a corpus; run again to go on where it was left."""
    import torch

    from grid.errors import RequestError
    from grid.small_codecs.release import qualities_beside
    from grid.small_codecs.spec import load_spec, member_names
    from grid.small_codecs.speech import Speech
    from grid.small_codecs.training import WEIGHTS, train_codec, training_folder
    from grid.store import Store

    chosen = member_names(configs) if every else list(names or [])
    if not chosen:
        raise RequestError(f"name a small codec, or give --all. Choices: {', '.join(member_names(configs))}.")
    specs = [load_spec(name, configs) for name in chosen]
    store = Store.open(root)
    speech = _corpus(store, corpus, reader)
    torch.set_num_threads(threads)
    beside: list[Quality] = []
    for spec in specs:
        record = train_codec(spec, speech, store, _show, device=device)
        place = store.uri(training_folder(spec, Speech(speech, "train")))
        minutes = record.results["seconds"] / 60
        out.print(f"{spec.name}: {record.results['steps']} steps in {minutes:.1f} minutes", highlight=False)
        out.print(f"  {place}/{WEIGHTS}", highlight=False, soft_wrap=True)
        if release_to is not None:
            beside = beside or qualities_beside(speech)
            _release(spec, speech, store, release_to, beside)


def _corpus(store: Store, corpus: str, reader: str) -> ImportedCorpus:
    """The corpus of that name in the store, or the one that a protocol file describes, imported now."""
    from grid.config.experiment import CorpusSource
    from grid.corpora import current_corpus, register_corpus, stored_corpus

    path = Path(corpus)
    if corpus != "sample" and not path.exists():
        found = stored_corpus(store, corpus)
        if found is None:
            source = CorpusSource(name=corpus)
            current_corpus(store, source, Path())  # says how to import it
        assert found is not None
        return _opened(store, found)
    name = corpus if corpus == "sample" else path.resolve().parent.name.lower()
    source = CorpusSource(name=name, reader=reader, path=corpus if corpus == "sample" else str(path.resolve()))
    return _opened(store, current_corpus(store, source, Path()) or register_corpus(store, source, Path()))


def _opened(store: Store, corpus: StoredCorpus) -> ImportedCorpus:
    from grid.corpus.importing import MANIFEST_FILE, ImportedCorpus
    from grid.corpus.manifest import read_manifest

    return ImportedCorpus(Path(corpus.audio_root), read_manifest(store.local(f"{corpus.folder}/{MANIFEST_FILE}")))


def _release(spec: CodecSpec, corpus: ImportedCorpus, store: Store, folder: Path, beside: list[Quality]) -> None:
    """Writes weights and card, and prints the card's figures and the entry that the catalogue needs."""
    from grid.small_codecs.release import release

    made = release(spec, corpus, store, folder, beside)
    shown = table("codec", "log-spectral distance, dB", "STOI", "lag", "real-time factor")
    for each in made.qualities:
        numbers = (f"{each.log_spectral_distance:.2f}", f"{each.stoi:.3f}", f"{each.lag:g}")
        shown.add_row(each.codec, *numbers, f"{each.real_time_factor:.3f}")
    out.print(shown)
    out.print(f"{made.card}\nfor grid/codecs/catalogue.yaml:", highlight=False, soft_wrap=True)
    out.print(made.entry_text, markup=False, highlight=False, soft_wrap=True)


def _show(spec: CodecSpec, line: Line) -> None:
    """One line of losses, and the log-spectral distance of the sample utterances."""
    losses = table("codec", "step", "of", "seconds", "loss", "spectrum", "magnitude", "mel", "auxiliary")
    terms = (line.loss, line.spectrum, line.magnitude, line.mel, line.auxiliary)
    numbers = [f"{value:.4f}" for value in terms]
    losses.add_row(spec.name, str(line.step), str(spec.training.steps), f"{line.seconds:.0f}", *numbers)
    out.print(losses)
    if line.log_spectral_distance:
        distances = table("log-spectral distance, dB, of", *line.log_spectral_distance)
        distances.add_row("", *(f"{value:.2f}" for value in line.log_spectral_distance.values()))
        out.print(distances)


if __name__ == "__main__":
    single(train)
