"""`codecgrid artefacts`: how alike the artefacts of an experiment's codecs are."""

from __future__ import annotations

from tasks.console import Address, AsJson, Config, Root, err, out, print_json, single, stopped


def artefacts(config: Config, root: Root = None, address: Address = "local", as_json: AsJson = False) -> None:
    """Compare the residual spectrograms of all pairs of codecs. Resynthesises what is missing, trains nothing."""
    from dataclasses import asdict

    from cluster.stages.artefacts import run_artefacts
    from grid.analysis.artefacts import read_artefacts
    from grid.experiment.grid import resolve
    from grid.report.tables.artefacts import artefact_table
    from grid.report.writers.terminal import to_rich
    from tasks.open_experiment import open_store
    from tasks.progress import TerminalWatcher

    _, store = open_store(config, root)
    try:
        with TerminalWatcher(err) as watcher:
            run_artefacts(config, store, address=address, watcher=watcher)
    except KeyboardInterrupt as error:  # typer would end with 130 and no word
        stopped(error)
    found = read_artefacts(store, resolve(config, store))
    assert found is not None
    if as_json:
        pairs = [asdict(pair) for pair in found.pairs]
        print_json({"utterances": found.utterances, "codecs": found.codecs, "pairs": pairs})
        return
    out.print(to_rich(artefact_table(found)))
    out.print(f"codecgrid report {config} shows it with its figures", soft_wrap=True, highlight=False)


if __name__ == "__main__":
    single(artefacts)
