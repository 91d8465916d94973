"""The common style of figures: paper size, type that is readable in print, and reproducible PNG files."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from matplotlib.figure import Figure

# The text width of a two-column paper (IEEE, ISCA), in inches, so that 8 pt here is 8 pt in print
PAPER_WIDTH = 7.16
FONT_SIZE = 8
DOTS_PER_INCH = 200


@contextmanager
def paper_style() -> Iterator[None]:
    """Sets matplotlib for a figure at paper size; restores the settings of the caller afterwards."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rc("font", family="DejaVu Sans", size=FONT_SIZE)
        mpl.rc("text", parse_math=False)
        mpl.rc("axes", titlesize=FONT_SIZE + 1, linewidth=0.6)
        mpl.rc("xtick", labelsize=FONT_SIZE)
        mpl.rc("ytick", labelsize=FONT_SIZE)
        mpl.rc("legend", fontsize=FONT_SIZE)
        mpl.rc("hatch", linewidth=0.6)
        yield


def text_width(words: Iterable[str]) -> float:
    """The width in inches of the widest of `words` as labels of a figure."""
    from matplotlib.textpath import TextPath

    return max(float(TextPath((0, 0), word or " ", size=FONT_SIZE).get_extents().width) / 72 for word in words)


def save_png(figure: Figure, path: Path) -> Path:
    """Writes `figure` as PNG at 200 dpi, without margins, time or version, so that equal figures give equal bytes."""
    figure.savefig(
        path, format="png", dpi=DOTS_PER_INCH, bbox_inches="tight", pad_inches=0.04, metadata={"Software": None}
    )
    return path
