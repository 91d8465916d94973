"""Tests of grid.core."""
