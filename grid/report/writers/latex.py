"""Owns LaTeX: a booktabs table to be pasted into a paper (needs `\\usepackage{booktabs}` only)."""

from __future__ import annotations

import re

from grid.report.table import Cell, Column, Table

WIDE_COLUMNS = 5
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
}


def to_latex(table: Table) -> str:
    """`table` as a float, over both columns of the page when it has more than five columns; notes below the rule."""
    wide = len(table.columns) > WIDE_COLUMNS
    environment = "table*" if wide else "table"
    lines = [
        f"\\begin{{{environment}}}[t]",
        r"\centering",
        r"\small",
        *([r"\setlength{\tabcolsep}{3pt}"] if wide else []),
        f"\\caption{{{escape_latex(table.caption)}}}",
        f"\\label{{tab:{table.name}}}",
        f"\\begin{{tabular}}{{{''.join('l' if c.align == 'left' else 'r' for c in table.columns)}}}",
        r"\toprule",
        *(_group_lines(table) if table.has_groups() else []),
        _line([escape_latex(column.name) for column in table.columns]),
        r"\midrule",
        *(_line([_text(*pair) for pair in zip(row, table.columns, strict=True)]) for row in table.rows),
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
    return re.sub(r"(?<!\S)(\(?)-(?=\d)", r"\1$-$", escaped)


def _text(cell: Cell, column: Column) -> str:
    text = "--" if cell.text == "-" else escape_latex(cell.text)
    # A row that begins with a bracket would be read as the optional argument of the line break before it
    text = f"{{}}{text}" if text.startswith("[") else text
    text += f"\\textsuperscript{{{cell.mark}}}" if cell.mark else ""
    if not cell.details:
        return text
    below = "".join(rf"\\{{\scriptsize {escape_latex(detail)}}}" for detail in cell.details)
    return rf"\shortstack[{'l' if column.align == 'left' else 'r'}]{{{text}{below}}}"


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
