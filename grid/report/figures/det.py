"""The figure of DET curves: miss rate against false-alarm rate, both axes on the probit scale, by policy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from grid.analysis.calibration import CellCalibration
from grid.metrics.det_curve import FALSE_ALARM_RATES
from grid.report.figures.style import PAPER_WIDTH, paper_style, save_png
from grid.report.page import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TICKS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95)
LIMITS = (0.001, 0.97)
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#e69f00", "#56b4e9")
"""Okabe and Ito's colours, which people with colour-blindness tell apart."""
STYLES = ("solid", "dashed", "dashdot", (0, (5, 1, 1, 1, 1, 1)))
MOST_BANDS = 4
"""With more cells than this in one plot the bands would hide each other."""
SIDE = 3.4
MAIN_EVALUATION = "T-CoSG"
CAPTION = (
    "{lines}: the lower and further left, the better. Both axes are probit scales, on which scores of two "
    "normal distributions give a straight line. Dotted: FAR = FRR (where a line crosses it is its EER); grey: chance."
)
ONE_EACH = "A line for each policy"
SEVERAL = "Thin lines are cells; the thick line of a policy is the mean of their FRR at each FAR"
BANDS = (
    " Band: the bootstrap interval of FRR at a fixed FAR, over speakers where the experiment asks for them, or trials."
)


def det_figures(items: Sequence[CellCalibration]) -> list[Figure]:
    """A figure for each detector on T-CoSG, or else on the first evaluation; none without cells."""
    evaluations = list(dict.fromkeys(item.evaluation for item in items))
    if not evaluations:
        return []
    evaluation = MAIN_EVALUATION if MAIN_EVALUATION in evaluations else evaluations[0]
    figures = []
    for detector in dict.fromkeys(item.detector for item in items):
        cells = [item for item in items if (item.detector, item.evaluation) == (detector, evaluation)]
        one_each = len({cell.policy for cell in cells}) == len(cells)
        caption = CAPTION.format(lines=ONE_EACH if one_each else SEVERAL) + (BANDS if _has_bands(cells) else "")
        title = f"DET curves by policy: {evaluation}, {detector}"
        figures.append(Figure(f"det-{detector}", title, caption, partial(draw_det, cells)))
    return figures


def draw_det(cells: Sequence[CellCalibration], path: Path) -> Path:
    """Writes the PNG; cells of one policy share colour and line style, and have a thick line for their mean."""
    from matplotlib.figure import Figure as Canvas

    with paper_style():
        figure = Canvas(figsize=(PAPER_WIDTH, SIDE + 0.5))
        place = (0.6 / PAPER_WIDTH, 0.42 / (SIDE + 0.5), SIDE / PAPER_WIDTH, SIDE / (SIDE + 0.5))
        axes = figure.add_axes(place)
        _draw_frame(axes)
        for number, policy in enumerate(dict.fromkeys(cell.policy for cell in cells)):
            of_policy = [cell for cell in cells if cell.policy == policy]
            colour, style = COLOURS[number % len(COLOURS)], STYLES[number % len(STYLES)]
            mean_eer = 100 * float(np.mean([cell.calibration.eer for cell in of_policy]))
            count = f", mean of {len(of_policy)} cells" if len(of_policy) > 1 else ""
            name = f"{policy} (EER {mean_eer:.1f} %{count})"
            x, mean = _probit(FALSE_ALARM_RATES), np.mean([cell.det.frr for cell in of_policy], axis=0)
            axes.plot(x, _probit(mean), color=colour, linestyle=style, linewidth=1.6, label=name, zorder=3)
            for cell in of_policy:
                if len(of_policy) > 1:
                    axes.plot(x, _probit(cell.det.frr), color=colour, linewidth=0.5, alpha=0.4, zorder=2)
                if _has_bands(cells):
                    bounds = (_probit(cell.det.lower), _probit(cell.det.upper))
                    axes.fill_between(x, *bounds, color=colour, alpha=0.15, linewidth=0)
        axes.legend(loc="upper left", bbox_to_anchor=(1.03, 1), frameon=False, title="policy", alignment="left")
        return save_png(figure, path)


def _has_bands(cells: Sequence[CellCalibration]) -> bool:
    return len(cells) <= MOST_BANDS


def _draw_frame(axes: Axes) -> None:
    low, high = _probit(LIMITS)
    axes.plot((low, high), (low, high), color="black", linestyle=":", linewidth=0.8)
    axes.plot((low, high), (-low, -high), color="0.6", linewidth=0.8)
    ticks, words = _probit(TICKS), [f"{100 * tick:g}" for tick in TICKS]
    axes.set_xticks(ticks, words)
    axes.set_yticks(ticks, words)
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.grid(color="0.9", linewidth=0.5)
    axes.set_xlabel("false-alarm rate FAR (%)")
    axes.set_ylabel("miss rate FRR (%)")


def _probit(rates: ArrayLike) -> NDArray[np.float64]:
    """Rates on the probit scale; 0 and 1, which have no place on it, go just beyond the frame."""
    return np.asarray(ndtri(np.clip(np.asarray(rates, np.float64), 1e-4, 1 - 1e-3)), np.float64)
