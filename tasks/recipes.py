"""`codecgrid recipes`: the training recipes of `configs/recipes`, one line each."""

from __future__ import annotations

from tasks.console import AsJson, print_json, print_lines, single


def recipes(as_json: AsJson = False) -> None:
    """Show the training recipes: what each trains, and whose it is."""
    from grid.config.recipe import recipe_file, recipe_names
    from grid.config.yaml_header import first_sentence, yaml_header

    about = {name: first_sentence(yaml_header(recipe_file(name))) for name in recipe_names()}
    if as_json:
        print_json([{"name": name, "about": text} for name, text in about.items()])
    else:
        print_lines("recipe", about)


if __name__ == "__main__":
    single(recipes)
