"""Entry points: the `codecgrid` command, and one `python -m tasks.X` for each stage. Short; the work is elsewhere."""
