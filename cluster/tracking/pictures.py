"""Pictures of a cell's scores as SVG, which MLflow shows: DET curves and score histograms of every evaluation.

They are written as text because matplotlib takes 0.2 s for each, which is minutes for the cells of a large grid.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from scipy.special import ndtri

from grid.measuring.calibrate import EvaluationCalibration
from grid.metrics.det_curve import FALSE_ALARM_RATES
from grid.metrics.score_histogram import BINS

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#e69f00", "#56b4e9")
"""Okabe and Ito's colours, which people with colour-blindness tell apart."""
TICKS = (0.001, 0.01, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95)
RATES = (0.001, 0.97)
SIDE, LEFT, TOP, LEGEND = 360, 60, 20, 220
WIDTH, HEIGHT, GAP = 460, 110, 50

Point = tuple[float, float]


def det_picture(items: Sequence[EvaluationCalibration]) -> str:
    """A DET curve for each evaluation, both axes on the probit scale; dotted where both error rates are equal."""
    frame = [_line([_at(RATES[0], RATES[0]), _at(RATES[1], RATES[1])], "#000", 'stroke-dasharray="2 3"')]
    for tick in TICKS:
        x, y = _at(tick, tick)
        frame += [_line([(x, TOP), (x, TOP + SIDE)], "#ddd"), _line([(LEFT, y), (LEFT + SIDE, y)], "#ddd")]
        frame += [
            _text(x, TOP + SIDE + 16, f"{100 * tick:g}", "middle"),
            _text(LEFT - 6, y + 4, f"{100 * tick:g}", "end"),
        ]
    curves = [
        _line([_at(far, frr) for far, frr in zip(FALSE_ALARM_RATES, item.det.frr, strict=True)], _colour(i), width=2)
        for i, item in enumerate(items)
    ]
    legend = [
        _text(LEFT + SIDE + 16, TOP + 16 + 20 * i, _with_eer(item), colour=_colour(i)) for i, item in enumerate(items)
    ]
    axes = [
        _text(LEFT + SIDE / 2, TOP + SIDE + 36, "false-alarm rate FAR (%)", "middle"),
        f'<g transform="rotate(-90 16 {TOP + SIDE / 2})">'
        + _text(16, TOP + SIDE / 2, "miss rate FRR (%)", "middle")
        + "</g>",
    ]
    return _picture(LEFT + SIDE + LEGEND, TOP + SIDE + 50, [*frame, *curves, *legend, *axes])


def histogram_picture(items: Sequence[EvaluationCalibration]) -> str:
    """The scores of both classes in one plot for each evaluation; each class fills the same area."""
    parts: list[str] = [_text(10, 16, "bona fide", colour=COLOURS[0]), _text(80, 16, "spoof", colour=COLOURS[1])]
    for number, item in enumerate(items):
        top = 40 + number * (HEIGHT + GAP)
        found = item.histogram
        shares = [[n / max(1, sum(counts)) for n in counts] for counts in (found.bonafide, found.spoof)]
        highest = max(max(share) for share in shares)
        parts.append(_text(10, top - 6, _with_eer(item)))
        for share, colour in zip(shares, COLOURS, strict=False):
            parts.append(_steps([value / highest for value in share], top, colour))
        parts.append(_line([(10, top + HEIGHT), (10 + WIDTH, top + HEIGHT)], "#000"))
        parts += [
            _text(10, top + HEIGHT + 16, f"{found.lowest:.3g}"),
            _text(10 + WIDTH, top + HEIGHT + 16, f"{found.highest:.3g}", "end"),
        ]
        parts.append(_text(10 + WIDTH / 2, top + HEIGHT + 16, "score", "middle"))
    return _picture(WIDTH + 20, 40 + len(items) * (HEIGHT + GAP), parts)


def _steps(heights: Sequence[float], top: float, colour: str) -> str:
    """The outline of a histogram whose bins have these heights, of at most 1, over a pale area."""
    width = WIDTH / BINS
    corners: list[Point] = [(10, top + HEIGHT)]
    for i, height in enumerate(heights):
        y = top + HEIGHT * (1 - height)
        corners += [(10 + i * width, y), (10 + (i + 1) * width, y)]
    corners.append((10 + WIDTH, top + HEIGHT))
    return f'<polygon points="{_points(corners)}" fill="{colour}" fill-opacity="0.2" stroke="{colour}"/>'


def _at(far: float, frr: float) -> Point:
    """The place of an operating point; rates beyond the frame go onto its edge."""
    low, high = (float(ndtri(rate)) for rate in RATES)
    x, y = ((min(max(float(ndtri(rate)), low), high) - low) / (high - low) for rate in (far, frr))
    return LEFT + SIDE * x, TOP + SIDE * (1 - y)


def _with_eer(item: EvaluationCalibration) -> str:
    return f"{item.evaluation}: EER {100 * item.calibration.eer:.1f} %"


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _line(points: Iterable[Point], colour: str, style: str = "", width: float = 1) -> str:
    return f'<polyline points="{_points(points)}" fill="none" stroke="{colour}" stroke-width="{width}" {style}/>'


def _text(x: float, y: float, text: str, anchor: str = "start", colour: str = "#000") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'


def _picture(width: float, height: float, parts: Iterable[str]) -> str:
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif"'
    return f'{opening} font-size="12"><rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'
