"""The LaTeX form of a table: a booktabs table for a paper (needs `\\usepackage{booktabs}` only)."""

from __future__ import annotations

import re

from grid.report.table import Cell, Table

# Characters in a column of a two-column paper (IEEE, ISCA) in \small
COLUMN_CHARACTERS = 56
# Above this, a row fits both columns only with less space between its cells
ROOMY_CHARACTERS = 130
# Above this, it also needs smaller type
CROWDED_CHARACTERS = 140
SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "†": r"$\dagger$",
}


def to_latex(table: Table) -> str:
    """`table` as a float, over both columns of the page if one is too narrow; notes come below the rule.

    Rows with the same first label form a group, and only the first of them shows it.
    """
    characters = _characters(table)
    wide = characters > COLUMN_CHARACTERS
    environment = "table*" if wide else "table"
    lines = [
        f"\\begin{{{environment}}}[t]",
        r"\centering",
        r"\footnotesize" if characters > CROWDED_CHARACTERS else r"\small",
        *([r"\setlength{\tabcolsep}{2pt}"] if characters > ROOMY_CHARACTERS else []),
        f"\\caption{{{escape_latex(table.caption)}}}",
        f"\\label{{tab:{table.name}}}",
        r"\smallskip",
        f"\\begin{{tabular}}{{@{{}}{''.join('l' if c.align == 'left' else 'r' for c in table.columns)}@{{}}}}",
        r"\toprule",
        *(_group_lines(table) if table.has_groups() else []),
        _line([escape_latex(column.name) for column in table.columns]),
        r"\midrule",
        *_rows(table),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    for note in table.notes:
        mark = f"\\textsuperscript{{{note.mark}}} " if note.mark else ""
        lines.append(f"\\par\\smallskip\\footnotesize\\raggedright {mark}{escape_latex(note.text)}")
    return "\n".join([*lines, f"\\end{{{environment}}}"]) + "\n"


def escape_latex(text: str) -> str:
    """`text` so that LaTeX prints it as it is; the hyphen of a negative number becomes a minus sign."""
    escaped = "".join(SPECIAL.get(character, character) for character in " ".join(text.split()))
    return re.sub(r"(?<!\S)([(\[]?)-(?=\d)", r"\1$-$", escaped)


def _characters(table: Table) -> int:
    """The characters of a row, with three for the space between two columns."""
    widths = []
    for index, column in enumerate(table.columns):
        cells = [row[index] for row in table.rows]
        widths.append(max(len(text) for text in (column.name, *(text for c in cells for text in (c.text, *c.details)))))
    return sum(widths) + 3 * (len(widths) - 1)


def _rows(table: Table) -> list[str]:
    names = [row[0].text for row in table.rows]
    grouped = len(set(names)) < len(names)
    lines: list[str] = []
    for above, row in zip((None, *table.rows), table.rows, strict=False):
        again = above is not None and above[0].text == row[0].text
        if grouped and lines and not again:
            lines.append(r"\addlinespace")
        lines.append(_line(["" if again else _text(row[0]), *(_text(cell) for cell in row[1:])]))
    return lines


def _text(cell: Cell) -> str:
    text = "--" if cell.text == "-" else escape_latex(cell.text)
    # A row that begins with a bracket would be read as the optional argument of the line break before it
    text = f"{{}}{text}" if text.startswith("[") else text
    text += f"\\textsuperscript{{{cell.mark}}}" if cell.mark else ""
    below = "".join(rf"\\{{\scriptsize {escape_latex(detail)}}}" for detail in cell.details)
    return rf"\begin{{tabular}}[t]{{@{{}}r@{{}}}}{text}{below}\end{{tabular}}" if below else text


def _group_lines(table: Table) -> list[str]:
    heads, rules, first = [], [], 1
    for group, count in table.groups():
        if group:
            heads.append(f"\\multicolumn{{{count}}}{{c}}{{{escape_latex(group)}}}")
            rules.append(f"\\cmidrule(lr){{{first}-{first + count - 1}}}")
        else:
            heads += [""] * count
        first += count
    return [_line(heads), "".join(rules)]


def _line(words: list[str]) -> str:
    return " & ".join(words) + r" \\"
