"""The published tables as tables to print alone, in the layout of their paper; `codecgrid report --published NAME`."""

from __future__ import annotations

from dataclasses import dataclass

from grid.core.errors import unknown_name
from grid.report.papers.shared.published import CsvText, csv_text
from grid.report.papers.shared.words import paper_words
from grid.report.table import Cell, CellValue, Column, Note, Table, label


@dataclass(frozen=True)
class PublishedTable:
    """How a published table is read.

    `rows` are the headings whose values name a row, `across` those whose values name a column (with a group above it
    where there are two), and `values` the headings of the numbers; without `across` the table is laid out as its file.
    Numbers have at least `decimals` decimals, where the paper prints more zeros than the file has.
    """

    name: str
    paper: str
    title: str
    reads: str
    rows: tuple[str, ...] = ()
    across: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    decimals: int = 0


SPELT = {
    "cors": "CoRS", "cosg": "CoSG", "maskgct": "MaskGCT", "vctk": "VCTK", "e2": "E2", "schema": "axis",
    "asvspoof2019la": "ASVspoof 2019 LA", "utmos": "UTMOS", "ssim": "SSIM", "bonafide": "bona fide",
    "qua": "QUA", "aux": "AUX", "dec": "DEC",
}  # fmt: skip
"""Words of headings that are written otherwise in a table."""
EERS = "EER in %."
TABLES = (
    PublishedTable(
        "cdd-table-3",
        "cdd",
        "CDD, Table 3: labels of resynthesised speech",
        "Label none: EER of the base models in %. Label bonafide or spoof: the difference from the base model in "
        "percentage points. MS5 to CBX and T-CoSG: recordings against CoSG; EnC to XC2 and T-CoRS: CoRS against CoSG; "
        "All: both.",
        rows=("label_of_cors", "detector", "codec"),
        across=("column",),
        values=("percent_or_points",),
        decimals=2,
    ),
    PublishedTable(
        "cdd-table-4",
        "cdd",
        "CDD, Table 4: training corpora",
        "EER in % on four test sets; ASV5 is the test set of ASVspoof 5, track 1.",
        rows=("detector", "training"),
        across=("evaluation",),
        values=("percent",),
        decimals=2,
    ),
    PublishedTable(
        "cdd-table-5",
        "cdd",
        "CDD, Table 5: mean scores",
        "Mean score on the trials of T-CoSG (X-AASIST: logit, LWBN: cosine similarity). Codec none: of the base model. "
        "A codec: the difference from it, with the CoRS of that codec labelled spoof in training.",
        rows=("codec",),
        across=("detector", "class"),
        values=("score_or_difference",),
    ),
    PublishedTable("codecfake-table-2", "codecfake", "CodecFake, Table 2: data", "Numbers of utterances and speakers."),
    PublishedTable(
        "codecfake-figure-2",
        "codecfake",
        "CodecFake, Figure 2: cross-testing",
        f"{EERS} Rows: AASIST and AASIST-L trained on ASVspoof 2019 LA, AASIST-L on each codec; columns: tested on.",
        rows=("trained_on",),
        across=("tested_on",),
        values=("percent",),
        decimals=2,
    ),
    PublishedTable(
        "codecfake-table-3",
        "codecfake",
        "CodecFake, Table 3: generators not heard in training",
        f"{EERS} Rows: test sets; columns: trained on, as in Figure 2.",
        rows=("test_set",),
        across=("trained_on",),
        values=("percent",),
        decimals=2,
    ),
    PublishedTable(
        "codecfake-plus-table-4",
        "codecfake_plus",
        "CodecFake+, Table IV: the 17 generators",
        "Codec, place in the taxonomy, and numbers of bona fide and spoof utterances.",
    ),
    PublishedTable(
        "codecfake-plus-figure-5",
        "codecfake_plus",
        "CodecFake+, Figure 5: predicted MOS (UTMOS)",
        "Figures given in the text, of part (a), CoRS by codec. Of part (b) the text says that a generator differs "
        "from its recordings by less than 0.6, and that SimpleSpeech 1 and 2 are above 4.15.",
    ),
    PublishedTable(
        "codecfake-plus-figure-6",
        "codecfake_plus",
        "CodecFake+, Figure 6: codec level",
        f"{EERS} The figure given in the text, which also says that six codecs are below it on CoSG (C, G, J, L1, L2, "
        "P1), L1 and G of them below 14 %.",
        rows=("trained_on",),
        across=("tested_on",),
        values=("percent",),
    ),
    PublishedTable(
        "codecfake-plus-table-5",
        "codecfake_plus",
        "CodecFake+, Table V: taxonomy",
        "Mean EER in % over the detectors trained on codecs of the row, and its standard error, on CoSG of the column "
        "with a predicted MOS above 3.5.",
        rows=("schema", "trained_on"),
        across=("schema", "tested_on"),
        values=("mean_percent", "standard_error"),
    ),
    PublishedTable(
        "codecfake-plus-table-5-footnote",
        "codecfake_plus",
        "CodecFake+, Table V, footnote: the three detectors trained on Svq",
        f"{EERS} Each on the Svq trials of CoSG, 6 bona fide and 6 spoof.",
    ),
    PublishedTable(
        "codecfake-plus-section-7-c-1",
        "codecfake_plus",
        "CodecFake+, Section VII-C1: all CoRS pooled by random sampling",
        f"{EERS} The argument for balancing the training set by the taxonomy.",
    ),
    PublishedTable(
        "codecfake-plus-table-6",
        "codecfake_plus",
        "CodecFake+, Table VI: training data",
        f"{EERS} With the conditional 95 % interval on CoSG.",
    ),
    PublishedTable(
        "codecfake-plus-figure-7",
        "codecfake_plus",
        "CodecFake+, Figure 7: CoSG or CoRS for training",
        f"{EERS} Figures given in the text; on CoSG the top-1 of Figure 6 is FACodec (G).",
        rows=("trained_on",),
        across=("tested_on",),
        values=("percent",),
    ),
    PublishedTable(
        "codecfake-plus-table-7",
        "codecfake_plus",
        "CodecFake+, Table VII: factors of CoRS",
        "EER of W2V2-AASIST in % on MaskGCT-VCTK and on MaskGCT-E2, each with its conditional 95 % interval.",
    ),
    PublishedTable(
        "codecfake-plus-table-8",
        "codecfake_plus",
        "CodecFake+, Table VIII: similarity of artefacts",
        "Mean SSIM and mean Pearson correlation of residual spectrograms over 100 CoRS samples.",
    ),
)


def published_names() -> list[str]:
    """The names of all published tables, by paper and in its order."""
    return [item.name for item in TABLES]


def published_rows(name: str) -> list[dict[str, CellValue]]:
    """The rows of a published table as its file has them, by heading; of a heading that occurs twice, the second is
    `HEADING_2`. RequestError for an unknown name."""
    text = csv_text(_named(name).name)
    headings = [
        heading if heading not in text.headings[:place] else f"{heading}_2"
        for place, heading in enumerate(text.headings)
    ]
    return [{heading: _value(entry) for heading, entry in zip(headings, row, strict=True)} for row in text.rows]


def published_table(name: str) -> Table:
    """A published table in the layout of its paper; RequestError for an unknown name."""
    shown = _named(name)
    text, words = csv_text(shown.name), paper_words(shown.paper)
    columns, rows = _pivoted(shown, text) if shown.across else _as_filed(text)
    return Table(
        name=shown.name,
        title=f"{shown.title} (as published)",
        caption=f"{words.paper}. {shown.reads}",
        columns=columns,
        rows=rows,
        notes=tuple(Note("", f"Not in print: {words.absent[name]}.") for name in [name] if name in words.absent),
    )


def _named(name: str) -> PublishedTable:
    found = next((item for item in TABLES if item.name == name), None)
    if found is None:
        raise unknown_name("published table", name, published_names())
    return found


def _as_filed(text: CsvText) -> tuple[tuple[Column, ...], tuple[tuple[Cell, ...], ...]]:
    numbers = [all(isinstance(_value(row[place]), float) or not row[place] for row in text.rows)
               for place in range(len(text.headings))]  # fmt: skip
    columns = tuple(
        Column(_words(heading), align="right" if number else "left")
        for heading, number in zip(text.headings, numbers, strict=True)
    )
    return columns, tuple(tuple(_cell(entry) for entry in row) for row in text.rows)


def _pivoted(shown: PublishedTable, text: CsvText) -> tuple[tuple[Column, ...], tuple[tuple[Cell, ...], ...]]:
    """One row per value of `rows`, one column per value of `across`, each in the order of the file."""

    def values(row: tuple[str, ...], headings: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(row[text.headings.index(heading)] for heading in headings)

    of_rows = dict.fromkeys(values(row, shown.rows) for row in text.rows)
    across = sorted(
        order := list(dict.fromkeys(values(row, shown.across) for row in text.rows)),
        key=lambda place: ([group[0] for group in order].index(place[0]), order.index(place)),
    )
    entries = {(values(row, shown.rows), values(row, shown.across)): values(row, shown.values) for row in text.rows}
    columns = (
        *(Column(_words(heading), align="left") for heading in shown.rows),
        *(Column(place[-1], group=place[0] if len(place) > 1 else "") for place in across),
    )
    rows = tuple(
        (*map(label, names), *(_entry(entries.get((names, place), ()), shown.decimals) for place in across))
        for names in of_rows
    )
    return columns, rows


def _entry(printed: tuple[str, ...], decimals: int) -> Cell:
    """A number with its standard error below it, if it has one; empty where the paper has no such entry."""
    if not printed:
        return Cell("", ("",))
    return Cell(
        _padded(printed[0], decimals),
        (_value(printed[0]),),
        details=tuple(f"± {error}" for error in printed[1:] if error),
    )


def _padded(number: str, decimals: int) -> str:
    """`number` as in the file, with zeros up to `decimals` decimals."""
    whole, _, fraction = number.partition(".")
    return f"{whole}.{fraction.ljust(decimals, '0')}" if decimals else number


def _cell(text: str) -> Cell:
    return Cell(text, (_value(text),))


def _value(text: str) -> CellValue:
    try:
        return float(text)
    except ValueError:
        return text


def _words(heading: str) -> str:
    return " ".join(SPELT.get(part, part) for part in heading.split("_"))
