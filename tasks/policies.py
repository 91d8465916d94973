"""`codecgrid policies`: the labelling policies, one line each."""

from __future__ import annotations

from tasks.console import AsJson, print_json, print_lines, single


def policies(as_json: AsJson = False) -> None:
    """Show the labelling policies: what each makes of resynthesised speech in training."""
    from grid.config.yaml_header import first_sentence
    from grid.policies import POLICIES

    docstrings = {name: POLICIES.docstring(name).removeprefix(f"Policy `{name}`: ") for name in POLICIES.names()}
    about = {name: first_sentence(text) for name, text in docstrings.items()}
    if as_json:
        print_json([{"name": name, "about": text} for name, text in about.items()])
    else:
        print_lines("policy", about)


if __name__ == "__main__":
    single(policies)
