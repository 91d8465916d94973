"""The description of one file of weights: its place below a weights folder, its source and its SHA-256."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

HUB = "hub:"


class WeightFile(BaseModel):
    """One file of weights: its place below a weights folder, its source and its SHA-256."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(
        description="place below a weights folder; `<owner>/<name>/<file>` for a file of a hub repository"
    )
    source: str | None = Field(default=None, description="an https URL, `hub:<owner>/<name>`, or null: no direct link")
    revision: str | None = Field(default=None, description="commit of the hub repository; null: its main branch")
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    bytes: int | None = None
    licence: str | None = Field(default=None, description="where it differs from the entry's")
    note: str = ""

    @property
    def hub_repo(self) -> str | None:
        """`<owner>/<name>` when the file comes from the Hugging Face hub."""
        return self.source.removeprefix(HUB) if self.source and self.source.startswith(HUB) else None

    @property
    def hub_file(self) -> str:
        """The file's path inside its hub repository."""
        return self.path.removeprefix(f"{self.hub_repo}/")
