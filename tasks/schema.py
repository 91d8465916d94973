"""`codecgrid schema`: the JSON Schema of the experiment, recipe or detector files, for editors."""

from __future__ import annotations

from typing import Annotated

import typer

from tasks.console import print_json, single


def schema(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="experiment, recipe or detector")] = "experiment",
) -> None:
    """Print the JSON Schema of a kind of file; the first line of a file names it for the editor:
    `# yaml-language-server: $schema=PATH`.
    """
    from grid.experiment.file_schemas import file_schema

    print_json(file_schema(kind))


if __name__ == "__main__":
    single(schema)
