"""`codecgrid build`: writes the protocol of a corpus that is derived from another one: CDD, or pairs for synthesis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tasks.console import AsJson, out, print_json, single, table
from tasks.places import require_folder

if TYPE_CHECKING:
    from pathlib import Path

CORPORA = ("cdd", "cosg-pairs")


def build(
    corpus: Annotated[str, typer.Argument(metavar="CORPUS", help="what to build: cdd, cosg-pairs")],
    out_folder: Annotated[str, typer.Option("--out", metavar="FOLDER", help="where protocol.csv goes")],
    asvspoof5: Annotated[str | None, typer.Option("--asvspoof5", help="cdd: the folder of ASVspoof 5")] = None,
    seed: Annotated[int, typer.Option(help="cdd: of the draw")] = 0,
    codecs: Annotated[
        str | None, typer.Option(help="cdd: of all partitions, such as a,b,c  [default: EnCodec, Mimi and DAC of CDD]")
    ] = None,
    test_codecs: Annotated[
        str | None, typer.Option(help="cdd: of test besides; none for no more  [default: xcodec2]")
    ] = None,
    cdd: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="cdd: its own train.tsv, train.txt and so on: its spoofs join")
    ] = None,
    protocol: Annotated[
        str | None, typer.Option(metavar="CSV", help="cosg-pairs: utterance_id, path, speaker and text of recordings")
    ] = None,
    system: Annotated[str, typer.Option(help="cosg-pairs: who will speak")] = "maskgct",
    as_json: AsJson = False,
) -> None:
    """Draw the partitions of CDD from ASVspoof 5, or pair recordings with texts for a speech generator to say.

    What CDD asks for, codecgrid run resynthesises. In cosg-pairs, as CodecFake+ made them with MaskGCT, each recording
    of a speaker prompts the text of the next one; a synthesis system writes the files that protocol.csv names.
    """
    from pathlib import Path

    from grid.core.errors import RequestError, unknown_name

    if corpus not in CORPORA:
        raise unknown_name("corpus to build", corpus, CORPORA)
    needed = {"cdd": ("--asvspoof5", asvspoof5), "cosg-pairs": ("--protocol", protocol)}[corpus]
    if needed[1] is None:
        raise RequestError(f"codecgrid build {corpus} needs {needed[0]}")
    require_folder(out_folder, "--out")
    if corpus == "cosg-pairs":
        _build_pairs(Path(needed[1]), Path(out_folder), system, as_json)
        return
    _build_cdd(Path(needed[1]), Path(out_folder), seed, codecs, test_codecs, Path(cdd) if cdd else None, as_json)


def _build_pairs(protocol: Path, out_folder: Path, system: str, as_json: bool) -> None:
    from grid.corpus.build.cosg_pairs import build_pairs

    built = build_pairs(protocol, out_folder, system=system)
    if as_json:
        counts = {"pairs": built.pairs, "speakers": built.speakers, "alone": built.alone}
        print_json({"protocol": str(built.protocol), "root": str(built.root), **counts, "import": built.import_command})
        return
    alone = f"; {len(built.alone)} speakers have one utterance and are left out" if built.alone else ""
    out.print(f"{built.pairs} pairs of {built.speakers} speakers{alone}", highlight=False)
    out.print(f"protocol: {built.protocol}", soft_wrap=True, highlight=False, markup=False)
    out.print(
        "next:     let the system say `text` in the voice of `prompt_path` into `path`, row by row", highlight=False
    )
    out.print(f"then:     {built.import_command}", soft_wrap=True, highlight=False, markup=False)


def _build_cdd(
    asvspoof5: Path,
    out_folder: Path,
    seed: int,
    codecs: str | None,
    test_codecs: str | None,
    cdd: Path | None,
    as_json: bool,
) -> None:
    from dataclasses import asdict

    from grid.corpus.build.cdd import build_cdd
    from grid.corpus.build.cdd_partitions import CHOICES, CODECS, TEST_CODECS, cdd_plan

    plan = cdd_plan(_codecs(codecs, CODECS), _codecs(test_codecs, TEST_CODECS))
    built = build_cdd(asvspoof5, out_folder, plan=plan, seed=seed, cdd=cdd)
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


def _codecs(text: str | None, default: tuple[str, ...]) -> tuple[str, ...]:
    """The catalogue's names in a text such as `a,b`; RequestError for an unknown one."""
    from grid.codecs.catalogue import load_catalogue
    from grid.corpus.protocol import parse_names

    if text is None:
        return default
    names = () if text.strip().lower() == "none" else parse_names(text)
    return tuple(load_catalogue().get(name, where="--codecs").name for name in names)


if __name__ == "__main__":
    single(build)
