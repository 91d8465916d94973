"""Owns the report of a grid: which tables and figures it has, and the folder they are written to."""

from __future__ import annotations

from pathlib import Path

from grid.report.data import GridResults
from grid.report.heat_map import draw_heat_map
from grid.report.matrix import Matrix, cross_codec_matrix, matrix_table
from grid.report.policy_figure import draw_policy_figure
from grid.report.policy_table import policy_table
from grid.report.status_table import status_table
from grid.report.table import Table
from grid.report.taxonomy_table import AXES, taxonomy_table
from grid.report.writers.csv import to_csv
from grid.report.writers.html import Figure, to_page
from grid.report.writers.latex import to_latex
from grid.report.writers.markdown import to_markdown

WRITERS = {"md": to_markdown, "csv": to_csv, "tex": to_latex}


def assemble(results: GridResults, out_dir: Path) -> list[Path]:
    """Writes every table as .md, .csv and .tex, the figures as .png, and index.md and index.html with all of them.

    Returns the files in the order written. Equal results give equal bytes. Files of an earlier report are overwritten
    and others in `out_dir` are left alone.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    matrices = codec_matrices(results)
    tables = [policy_table(results), *map(matrix_table, matrices), *taxonomy_tables(results), status_table(results)]
    written = []
    for table in tables:
        for suffix, writer in WRITERS.items():
            written.append(_write(out_dir / f"{table.name}.{suffix}", writer(table)))
    figures = _figures(results, matrices, out_dir)
    written += [figure.path for figure in figures]
    written.append(_write(out_dir / "index.md", _index(results, figures, tables)))
    written.append(_write(out_dir / "index.html", to_page(results.name, _summary(results), figures, tables)))
    return written


def codec_matrices(results: GridResults) -> list[Matrix]:
    """The matrices that have rows: of every evaluation with conditions per codec, policy and detector."""
    matrices = [
        cross_codec_matrix(results, evaluation=evaluation, policy=policy, detector=detector)
        for evaluation in _per_codec(results)
        for policy in results.policies()
        for detector in results.detectors()
    ]
    return [matrix for matrix in matrices if matrix.train_codecs]


def taxonomy_tables(results: GridResults) -> list[Table]:
    """The taxonomy tables that have rows: both with and without the test on the training codec itself."""
    tables = [
        taxonomy_table(
            results, axis=axis, evaluation=evaluation, policy=policy, detector=detector, same_codec=same_codec
        )
        for evaluation in _per_codec(results)
        for policy in results.policies()
        for detector in results.detectors()
        for axis in AXES
        for same_codec in (True, False)
    ]
    return [table for table in tables if table.rows]


def _per_codec(results: GridResults) -> list[str]:
    return [evaluation for evaluation in results.evaluations(bool) if results.test_codecs(evaluation)]


def _figures(results: GridResults, matrices: list[Matrix], out_dir: Path) -> list[Figure]:
    figures = []
    if results.evaluations():
        caption = (
            "Pooled EER of every selection and policy; bars: the bootstrap interval of a single seed, or the standard "
            "error over seeds. The shaded rows were trained without resynthesised speech."
        )
        path = draw_policy_figure(results, out_dir / "policies.png")
        figures.append(Figure("figure-policies", "Labelling policies", caption, path))
    for matrix in matrices:
        table = matrix_table(matrix)
        caption = "Rows: codec of the training; columns: codec of the test. Hatched: F failed, M missing, R running."
        path = draw_heat_map(matrix, out_dir / f"{table.name}.png")
        figures.append(Figure(f"figure-{table.name}", table.title, caption, path))
    return figures


def _summary(results: GridResults) -> str:
    done = sum(cell.status == "done" for cell in results.cells)
    return f"{done} of {len(results.cells)} cells done. In the CSV files EERs are fractions at full precision."


def _index(results: GridResults, figures: list[Figure], tables: list[Table]) -> str:
    lines = [f"# {results.name}", "", _summary(results), ""]
    for figure in figures:
        lines += [f"![{figure.title}]({figure.path.name})", "", figure.caption, ""]
    return "\n".join(lines) + "\n" + "\n".join(to_markdown(table) for table in tables)


def _write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode("utf-8"))
    return path
