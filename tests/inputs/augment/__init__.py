"""Tests of grid.inputs.augment."""
