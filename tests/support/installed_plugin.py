"""Makes a folder that looks like an installed package with a plugin of codecgrid."""

from __future__ import annotations

from pathlib import Path


def install_entry_point(site: Path, kinds: str, name: str, module: str) -> Path:
    """A folder that looks like an installed package with one entry point in the group `codecgrid.<kinds>`."""
    information = site / f"{module}-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[codecgrid.{kinds}]\n{name} = {module}\n")
    return site
