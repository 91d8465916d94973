"""Owns the figure of the policy effect: a policy table as a picture, T-CoSG beside T-CoRS, a mark per policy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from grid.baseline import BASELINE_POLICY
from grid.report.figures import PAPER_WIDTH, paper_style, save_png
from grid.report.policy_panel import Mark, Panel, Strip, figure_evaluations, figure_strips
from grid.report.table import Table

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

CHANCE = 50.0
# Okabe and Ito's colours of unlike lightness, each with a shape of its own so that no reader needs the colour
STYLES = (("#0072B2", "s"), ("#D55E00", "^"), ("#009E73", "D"), ("#CC79A7", "v"), ("#E69F00", "P"), ("#56B4E9", "X"))
BASELINE_STYLE = ("#000000", "o")
MARK_HEIGHT = 0.15
BAND = "#f2f2f2"


def draw_policy_figure(table: Table, path: Path) -> Path:
    """Writes the PNG of a table of selection x policy: a row per selection, a mark per policy with its interval.

    ValueError: no detector of the table has a row.
    """
    from matplotlib.figure import Figure

    evaluations = figure_evaluations(table)
    strips = figure_strips(table)
    policies = list(dict.fromkeys(row[1].text for row in table.rows))
    step = MARK_HEIGHT * max(2, len(policies)) + 0.08
    heights = [0.62 + step * len(strip.rows) for strip in strips]
    with paper_style():
        figure = Figure(figsize=(PAPER_WIDTH, 0.3 + sum(heights)), layout="constrained")
        places = figure.subplots(
            len(strips), len(evaluations), sharex=True, sharey="row", squeeze=False, height_ratios=heights
        )
        for strip, axes_of_strip in zip(strips, places, strict=True):
            for evaluation, panel, axes in zip(evaluations, strip.panels, axes_of_strip, strict=True):
                _draw_panel(axes, panel, strip, policies)
                axes.set_title(f"{strip.detector}: {evaluation}", loc="left")
        for axes in places[-1]:
            axes.set_xlabel("EER % (further left is better)")
        # a little below zero, so that marks at zero are seen whole
        places[0, 0].set_xlim(left=-1.5, right=max(CHANCE + 2, places[0, 0].get_xlim()[1]))
        figure.legend(handles=_legend(policies), loc="outside upper center", ncols=len(policies), frameon=False)
        return save_png(figure, path)


def _draw_panel(axes: Axes, panel: Panel, strip: Strip, policies: list[str]) -> None:
    for name, marks in panel.rows.items():
        for policy, mark in marks.items():
            place = strip.rows.index(name) + _offset(policy, strip.policies)
            if mark.state == "done":
                _draw_mark(axes, place, mark, *_style(policies, policy), hollow=policy == BASELINE_POLICY)
            else:
                _write_state(axes, place, f"{policy}: {mark.state}")
    for mark in panel.lines:
        if mark.state == "done":
            axes.axvspan(mark.eer - mark.left, mark.eer + mark.right, color="#d9d9d9", zorder=0.5)
            axes.axvline(mark.eer, color=BASELINE_STYLE[0], linewidth=0.9, linestyle="--")
    _dress(axes, strip.rows)


def _offset(policy: str, policies: tuple[str, ...]) -> float:
    """How far below the middle of a row the mark of `policy` stands, in rows."""
    return (policies.index(policy) - (len(policies) - 1) / 2) * 0.8 / len(policies)


def _style(policies: list[str], policy: str) -> tuple[str, str]:
    if policy == BASELINE_POLICY:
        return BASELINE_STYLE
    return STYLES[[name for name in policies if name != BASELINE_POLICY].index(policy) % len(STYLES)]


def _draw_mark(axes: Axes, y: float, mark: Mark, colour: str, shape: str, *, hollow: bool) -> None:
    axes.errorbar(
        [mark.eer],
        [y],
        xerr=[[mark.left], [mark.right]],
        fmt=shape,
        color=colour,
        markerfacecolor="white" if hollow else colour,
        markersize=5,
        elinewidth=0.9,
        capsize=1.5,
    )


def _write_state(axes: Axes, y: float, words: str) -> None:
    axes.text(0.02, y, words, transform=axes.get_yaxis_transform(), va="center", style="italic", color="#444444")


def _dress(axes: Axes, names: tuple[str, ...]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.axvline(CHANCE, color="#808080", linewidth=0.8, linestyle=":")
    axes.grid(axis="x", color="#d0d0d0", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.tick_params(axis="x", labelbottom=True)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    for y in range(0, len(names), 2):
        axes.axhspan(y - 0.5, y + 0.5, color=BAND, zorder=0)


def _legend(policies: list[str]) -> list[Artist]:
    from matplotlib.lines import Line2D

    handles: list[Artist] = []
    for policy in policies:
        colour, shape = _style(policies, policy)
        hollow = policy == BASELINE_POLICY
        words = f"{policy} (no resynthesised speech)" if hollow else f"labelled {policy}"
        face = "white" if hollow else colour
        handles.append(
            Line2D([], [], marker=shape, color=colour, markerfacecolor=face, markersize=5, linewidth=0.9, label=words)
        )
    return handles
