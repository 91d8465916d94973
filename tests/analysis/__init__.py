"""Tests of grid.analysis."""
