"""The table model and its formats: golden text, escaping, full precision, well-formed HTML."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from grid.report.page import Figure, Fold, Page
from grid.report.table import Cell, Column, Footnotes, Note, Table, label
from grid.report.writers.csv import to_csv
from grid.report.writers.html import to_html_page
from grid.report.writers.latex import escape_latex, to_latex
from grid.report.writers.markdown import to_markdown, to_markdown_page
from grid.report.writers.terminal import to_rich

TABLE = Table(
    name="small",
    title="A small table",
    caption="EER in %.",
    columns=(
        Column("policy", align="left"),
        Column("T-CoSG", group="lwbn", parts=("eer", "difference")),
        Column("T-CoRS", group="lwbn", parts=("eer", "difference")),
    ),
    rows=(
        (label("none"), Cell("10.00", (0.1, math.nan)), Cell("30.00 ± 1.00", (0.3, math.nan))),
        (
            label("spoof_all"),
            Cell("8.36", (0.1 / 3, -2 / 3), details=("[7.90, 8.81]", "(-1.64)")),
            Cell("failed", ("failed", "failed"), "a"),
        ),
    ),
    notes=(Note("", "Two rows."), Note("a", "cell 1 failed: 50 % of a|b & c_d")),
)


def test_markdown_small_table_is_golden() -> None:
    assert to_markdown(TABLE) == (
        "### A small table\n"
        "\n"
        "EER in %.\n"
        "\n"
        "| policy     |               lwbn T-CoSG |  lwbn T-CoRS |\n"
        "|------------|--------------------------:|-------------:|\n"
        "| none       |                     10.00 | 30.00 ± 1.00 |\n"
        "| spoof\\_all | 8.36 [7.90, 8.81] (-1.64) |   failed [a] |\n"
        "\n"
        "- Two rows.\n"
        "- [a] cell 1 failed: 50 % of a\\|b & c\\_d\n"
    )


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("[a](javascript:alert(1))", "[a\\](javascript:alert(1))"),
        ("![a](https://example.org/x.png)", "![a\\](https://example.org/x.png)"),
        ("[a]: javascript:alert(1)", "[a\\]: javascript:alert(1)"),
        ("[a][b]", "[a\\][b]"),
        ("<javascript:alert(1)>", "\\<javascript:alert(1)\\>"),
        ("failed [a]", "failed [a]"),
    ],
)
def test_markdown_of_a_name_is_no_link(name: str, written: str) -> None:
    table = Table("t", "t", "", (Column("attack", align="left"),), ((label(name),),), (Note("", name),))
    assert to_markdown(table).splitlines()[-1] == f"- {written}"
    assert to_markdown(table).splitlines()[-3].strip("| ") == written


def test_csv_of_a_name_is_no_formula_and_a_number_stays_one() -> None:
    columns = (Column("=1+1", align="left"), Column("eer", parts=("-x", "eer")))
    rows = (
        (label('=HYPERLINK("https://example.org")'), Cell("", (-0.5, "-"))),
        (label("@SUM(A1)"), Cell("", (0.1, -3))),
    )
    assert list(csv.reader(io.StringIO(to_csv(Table("t", "t", "", columns, rows))))) == [
        ["'=1+1", "eer -x", "eer eer"],
        ['\'=HYPERLINK("https://example.org")', "-0.5", "-"],
        ["'@SUM(A1)", "0.1", "-3"],
    ]


def test_latex_small_table_is_golden() -> None:
    assert to_latex(TABLE) == (
        "\\begin{table}[t]\n"
        "\\centering\n"
        "\\small\n"
        "\\caption{EER in \\%.}\n"
        "\\label{tab:small}\n"
        "\\smallskip\n"
        "\\begin{tabular}{@{}lrr@{}}\n"
        "\\toprule\n"
        " & \\multicolumn{2}{c}{lwbn} \\\\\n"
        "\\cmidrule(lr){2-3}\n"
        "policy & T-CoSG & T-CoRS \\\\\n"
        "\\midrule\n"
        "none & 10.00 & 30.00 $\\pm$ 1.00 \\\\\n"
        "spoof\\_all & \\begin{tabular}[t]{@{}r@{}}8.36\\\\{\\scriptsize [7.90, 8.81]}"
        "\\\\{\\scriptsize ($-$1.64)}\\end{tabular} & "
        "failed\\textsuperscript{a} \\\\\n"
        "\\bottomrule\n"
        "\\end{tabular}\n"
        "\\par\\smallskip\\footnotesize\\raggedright Two rows.\n"
        "\\par\\smallskip\\footnotesize\\raggedright \\textsuperscript{a} "
        "cell 1 failed: 50 \\% of a\\textbar{}b \\& c\\_d\n"
        "\\end{table}\n"
    )


def test_latex_rows_of_one_selection_stand_together_and_a_wide_table_takes_both_columns() -> None:
    rows = tuple((label(name), label(policy)) for name in ("mimi", "b" * 60) for policy in ("none", "spoof"))
    text = to_latex(Table("t", "t", "", (Column("selection"), Column("policy")), rows))
    assert f"mimi & none \\\\\n & spoof \\\\\n\\addlinespace\n{'b' * 60} & none \\\\\n & spoof" in text
    assert text.startswith("\\begin{table*}")


def test_latex_table_too_wide_for_both_columns_gets_smaller_type() -> None:
    sizes = {
        count: to_latex(Table("t", "t", "", (Column("n"),) * count, ((label("-12.34"),) * count,)))
        for count in (15, 16)
    }
    assert "\n\\small\n" in sizes[15]
    assert "\n\\footnotesize\n" in sizes[16]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a_b & 5 % #1 $x", r"a\_b \& 5 \% \#1 \$x"),
        (r"C:\x{y}", r"C:\textbackslash{}x\{y\}"),
        ("~ ^ < >", r"\textasciitilde{} \textasciicircum{} \textless{} \textgreater{}"),
        ("two\nlines", "two lines"),
        ("encodec-24khz-6kbps (-2.31)", "encodec-24khz-6kbps ($-$2.31)"),
        ("[-2.31, -1.20]", "[$-$2.31, $-$1.20]"),
    ],
)
def test_escape_latex_special_characters_print_as_themselves(text: str, expected: str) -> None:
    assert escape_latex(text) == expected


def test_csv_reads_back_at_full_precision() -> None:
    lines = list(csv.DictReader(io.StringIO(to_csv(TABLE))))
    assert list(lines[0]) == [
        "policy",
        "lwbn T-CoSG eer",
        "lwbn T-CoSG difference",
        "lwbn T-CoRS eer",
        "lwbn T-CoRS difference",
    ]
    assert [float(line["lwbn T-CoSG eer"]) for line in lines] == [0.1, 0.1 / 3]
    assert float(lines[1]["lwbn T-CoSG difference"]) == -2 / 3
    assert lines[0]["lwbn T-CoSG difference"] == ""
    assert [line["lwbn T-CoRS eer"] for line in lines] == ["0.3", "failed"]


class _Balance(HTMLParser):
    """Collects the words of a page, and fails on tags that do not close in order."""

    VOID = frozenset({"meta", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def _draw_square(path: Path) -> Path:
    """A picture of 200 x 200 dots."""
    from matplotlib.figure import Figure as Drawing

    Drawing(figsize=(2, 2)).savefig(path, dpi=100)
    return path


def _page() -> Page:
    hostile = Table("t", "<b>title", "a & b", (Column("n"),), ((Cell("<script>", ("x",)),),))
    return Page(
        title="report",
        summary="two tables",
        shown=(TABLE, Figure("f", "figure", "shows", _draw_square)),
        folds=(Fold("the rest", (hostile,)),),
        last=Table("cells", "All cells", "", (Column("n"),), ()),
        warnings=("The attacks are stand-ins.",),
        terms=(("T-CoRS", "bona fide: CoRS"),),
        facts=(("commit", "abc"),),
    )


def test_html_page_is_balanced_escaped_and_needs_no_other_file(tmp_path: Path) -> None:
    _draw_square(tmp_path / "f.png")
    page = to_html_page(_page(), tmp_path)
    parser = _Balance()
    parser.feed(page)
    assert parser.open == []
    assert "<script>" in parser.words
    assert "<b>title" in parser.words
    assert page.count("src=") == page.count('src="data:image/png;base64,') == 1
    assert 'width="130"' in page
    assert "http" not in page


def test_html_page_reads_warning_table_figure_fold_cells_facts_in_this_order(tmp_path: Path) -> None:
    _draw_square(tmp_path / "f.png")
    words = _Balance()
    words.feed(to_html_page(_page(), tmp_path).partition("</nav>")[2].replace("</body>\n</html>", ""))
    order = ["A small table", "figure.", "the rest", "<b>title", "All cells", "commit", "abc"]
    assert [word for word in words.words if word in order] == order
    assert "stand-ins" in to_html_page(_page(), tmp_path).partition("<nav>")[0]


def test_markdown_page_folds_and_points_to_the_files_beside_it() -> None:
    page = to_markdown_page(_page())
    assert "> **Note:** The attacks are stand-ins." in page
    assert "![figure](f.png)" in page
    assert page.index("<details><summary>the rest</summary>") < page.index("### All cells")
    assert page.endswith("commit: `abc`\n")


def test_html_repeated_label_steps_back_details_are_small_and_a_failed_cell_is_marked(tmp_path: Path) -> None:
    _draw_square(tmp_path / "f.png")
    rows = tuple((label("mimi"), label(policy)) for policy in ("none", "spoof"))
    repeated = Table("t", "t", "", (Column("selection"), Column("policy")), rows)
    page = to_html_page(replace(_page(), shown=(TABLE, repeated)), tmp_path)
    assert page.count('<tr class="again">') == 1
    assert "8.36<small>[7.90, 8.81]</small><small>(-1.64)</small>" in page
    assert '<td class="right failed">failed<sup>a</sup></td>' in page


def test_rich_table_shows_brackets_and_notes_as_text() -> None:
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(to_rich(TABLE))
    text = console.export_text()
    assert "failed [a]" in text
    assert "[a] cell 1 failed" in text
    assert "30.00 ± 1.00" in text


def test_table_row_of_wrong_length_raises() -> None:
    with pytest.raises(ValueError, match="1 cells for 3 columns"):
        Table("t", "t", "", TABLE.columns, ((label("x"),),))


def test_table_cell_without_value_per_part_raises() -> None:
    with pytest.raises(ValueError, match="one value per part"):
        Table("t", "t", "", (Column("n", parts=("a", "b")),), ((label("x"),),))


def test_footnotes_same_text_shares_a_mark_and_marks_go_past_z() -> None:
    footnotes = Footnotes()
    marks = [footnotes.mark(str(i)) for i in range(28)]
    assert (marks[0], marks[25], marks[26], marks[27]) == ("a", "z", "aa", "ab")
    assert footnotes.mark("3") == "d"
    assert footnotes.notes("remark")[:2] == (Note("", "remark"), Note("a", "0"))
