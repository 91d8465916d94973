"""Where codecgrid's own experiments, recipes and detectors lie: the folder `configs` beside the packages."""

from __future__ import annotations

from pathlib import Path


def config_folder() -> Path:
    """`configs/` of this checkout or of the installed wheel, where it is a sibling of the package `grid`."""
    return Path(__file__).resolve().parents[2] / "configs"
