"""`codecgrid build`: the protocol of a corpus that a paper drew from another one."""

from __future__ import annotations

from typing import Annotated

import typer

from tasks.console import AsJson, out, print_json, single, table

CORPORA = ("cdd",)


def build(
    corpus: Annotated[str, typer.Argument(metavar="CORPUS", help="what to build: cdd")],
    asvspoof5: Annotated[str, typer.Option("--asvspoof5", help="the folder of ASVspoof 5")],
    out_folder: Annotated[str, typer.Option("--out", metavar="FOLDER", help="where protocol.csv and its counts go")],
    seed: Annotated[int, typer.Option(help="of the draw")] = 0,
    codecs: Annotated[
        str | None, typer.Option(help="of all partitions, such as a,b,c  [default: EnCodec, Mimi and DAC of CDD]")
    ] = None,
    test_codecs: Annotated[
        str | None, typer.Option(help="of test besides; none for no more  [default: xcodec2]")
    ] = None,
    cdd: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="CDD's own train.tsv, train.txt and so on: its spoofs join")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draw the partitions of CDD from ASVspoof 5; codecgrid run then resynthesises what they ask for."""
    from dataclasses import asdict
    from pathlib import Path

    from grid.corpus.cdd_build import build_cdd
    from grid.corpus.cdd_partitions import CHOICES, CODECS, TEST_CODECS, cdd_plan
    from grid.errors import unknown_name

    if corpus not in CORPORA:
        raise unknown_name("corpus to build", corpus, CORPORA)
    plan = cdd_plan(_codecs(codecs, CODECS), _codecs(test_codecs, TEST_CODECS))
    built = build_cdd(Path(asvspoof5), Path(out_folder), plan=plan, seed=seed, cdd=Path(cdd) if cdd else None)
    if as_json:
        print_json(
            {
                "protocol": str(built.protocol),
                "root": str(built.root),
                "counts": [asdict(count) for count in built.counts],
                "choices": CHOICES,
                "import": built.import_command,
            }
        )
        return
    shown = table("split", "of", "ours", "Table 2", title="CDD, built from ASVspoof 5")
    for count in built.counts:
        shown.add_row(*count.cells)
    out.print(shown)
    out.print("\nWhat the paper leaves open was settled so:", highlight=False)
    for choice in CHOICES:
        out.print(f"- {choice}", soft_wrap=True, highlight=False, markup=False)
    out.print(f"\nprotocol: {built.protocol}", soft_wrap=True, highlight=False, markup=False)
    out.print(f"next:     {built.import_command}", soft_wrap=True, highlight=False, markup=False)
    out.print(f"or, in an experiment file:  - {built.experiment_line}", soft_wrap=True, highlight=False, markup=False)


def _codecs(given: str | None, usual: tuple[str, ...]) -> tuple[str, ...]:
    """The catalogue's names in a text such as `a,b`; RequestError for another one."""
    from grid.codecs.catalogue import load_catalogue
    from grid.corpus.reader_options import listed

    if given is None:
        return usual
    names = () if given.strip().lower() == "none" else listed(given)
    return tuple(load_catalogue().get(name, where="--codecs").name for name in names)


if __name__ == "__main__":
    single(build)
