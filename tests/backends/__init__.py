"""Tests of grid.backends."""
