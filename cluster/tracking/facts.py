"""What distinguishes the cells of a grid in MLflow: what varies is a param, which tables and charts compare; the rest
is a tag."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from grid.analysis.results import codec_facts
from grid.cells.job import CellJob

AXES = ("selection", "policy", "detector", "seed")
"""The axes of a grid, in the order of the columns."""
TAXONOMY = ("qua", "aux", "dec")
"""The place of a cell's codec in the taxonomy of CodecFake+, for cells of one codec that has one."""
FACTS = (*AXES, "codecs", *TAXONOMY)


def cell_facts(job: CellJob) -> dict[str, str]:
    """The facts of a cell; `codecs` only where the selection is not named after its codec."""
    facts = {"selection": job.selection, "policy": job.policy, "detector": job.detector, "seed": str(job.seed)}
    if job.codecs and job.codecs != (job.selection,):
        facts["codecs"] = ", ".join(job.codecs)
    if len(job.codecs) == 1:
        for known in codec_facts(set(job.codecs)).values():
            facts |= {key: value for key, value in asdict(known).items() if key in TAXONOMY and value}
    return facts


@dataclass(frozen=True)
class GridFacts:
    """The facts of every cell of a grid, by its id, and the names of those that vary, in the order of `FACTS`."""

    cells: dict[str, dict[str, str]]
    varying: tuple[str, ...]

    @classmethod
    def of(cls, jobs: Iterable[CellJob]) -> GridFacts:
        cells = {job.cell_id: cell_facts(job) for job in jobs}
        varying = tuple(name for name in FACTS if len({facts.get(name) for facts in cells.values()}) > 1)
        return cls(cells, varying)

    def params(self, cell_id: str) -> dict[str, str]:
        """The facts of a cell that vary in its grid."""
        return {name: value for name, value in self.cells[cell_id].items() if name in self.varying}

    def name(self, cell_id: str) -> str:
        """The name of a cell's run: its place on the axes that vary, on all of them where none does."""
        facts = self.cells[cell_id]
        axes = [name for name in AXES if name in self.varying] or AXES
        return " ".join(f"seed {facts[name]}" if name == "seed" else facts[name] for name in axes)

    def tags(self, cell_id: str) -> dict[str, str]:
        """The facts of a cell that all cells of its grid share."""
        return {name: value for name, value in self.cells[cell_id].items() if name not in self.varying}
