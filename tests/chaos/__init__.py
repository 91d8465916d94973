"""Random faults on a small grid: what a run says then, and whether the same command again gives the same bytes."""
