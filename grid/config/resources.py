"""The CPUs and GPUs that an experiment asks for, and its limits on workers, gangs and restarts."""

from __future__ import annotations

from pydantic import Field, model_validator

from grid.config.yaml_file import Strict

MOST_CPUS, MOST_GPUS = 1024, 64
"""Of one process: more than any single machine has, so a run would wait for it for ever."""


class Resources(Strict):
    """The CPUs and GPUs of a training and of a codec worker, and limits; never part of an identity."""

    cpus_per_cell: float = Field(default=1, gt=0, le=MOST_CPUS)
    gpus_per_cell: float = Field(default=0, ge=0, le=MOST_GPUS, description="below 1 several cells share a GPU")
    cpus_per_codec_worker: float = Field(default=1, gt=0, le=MOST_CPUS)
    gpus_per_codec_worker: float = Field(default=0, ge=0, le=MOST_GPUS)
    accelerator: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9-]+$",
        description="the only kind of GPU to use, as Ray names it: T4, A10G, L4, L40S, A100, H100, ...",
    )
    codec_workers: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="largest number per codec; default: all CPUs. On a growing cluster all are asked for at once",
    )
    cells_per_gang: int = Field(
        default=1,
        ge=1,
        le=10_000,
        description="largest number of cells with the same frozen encoder that one trial trains together",
    )
    max_cell_restarts: int = Field(
        default=3,
        ge=0,
        le=1000,
        description="restarts after a killed process or a lost machine, counted anew from each saved epoch",
    )

    @model_validator(mode="after")
    def _accelerator_is_asked_for(self) -> Resources:
        if self.accelerator is not None and not (self.gpus_per_cell or self.gpus_per_codec_worker):
            raise ValueError(
                f"accelerator {self.accelerator}: no GPU is asked for; give `gpus_per_cell` or `gpus_per_codec_worker`"
            )
        return self
