"""Entry points: the `codecgrid` command, whose subcommands also run as `python -m tasks.X`. The work is in grid."""
