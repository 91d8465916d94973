"""The option --device of the commands that run one codec or detector in their own process."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from grid.core.errors import RequestError, unknown_name

CHOICES = ("cpu", "cuda", "cuda:0, cuda:1, ... for one of several GPUs")


def usable_device(name: str) -> str:
    """`name` if torch can use it on this machine; RequestError with the choices where it cannot."""
    if name == "cpu":
        return name
    if not re.fullmatch(r"cuda(:\d{1,3})?", name):
        raise unknown_name("device", name, CHOICES, where="--device")
    import torch

    if not torch.cuda.is_available():
        raise RequestError(f"--device {name}: torch finds no GPU on this machine; use --device cpu")
    number = int(name.partition(":")[2] or 0)
    if number >= torch.cuda.device_count():
        raise RequestError(f"--device {name}: this machine has {torch.cuda.device_count()} GPUs, numbered from 0")
    return name


Device = Annotated[str, typer.Option("--device", help="cpu, cuda or cuda:N", callback=usable_device)]
