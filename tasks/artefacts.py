"""`codecgrid artefacts`: compares the artefacts of an experiment's codecs pair by pair."""

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
    from tasks.progress import TerminalProgress

    _, store = open_store(config, root)
    try:
        with TerminalProgress(err) as listener:
            run_artefacts(config, store, address=address, listener=listener)
    except KeyboardInterrupt as error:  # typer would end with 130 and no message
        stopped(error)
    comparison = read_artefacts(store, resolve(config, store))
    assert comparison is not None
    if as_json:
        pairs = [asdict(pair) for pair in comparison.pairs]
        print_json({"utterances": comparison.utterances, "codecs": comparison.codecs, "pairs": pairs})
        return
    out.print(to_rich(artefact_table(comparison)))
    out.print(f"codecgrid report {config} shows it with its figures", soft_wrap=True, highlight=False)


if __name__ == "__main__":
    single(artefacts)
