"""Tests of grid.cells."""
