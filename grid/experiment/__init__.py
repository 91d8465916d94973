"""Experiment files: checks of every name, the renditions and the cells of the grid they describe."""
