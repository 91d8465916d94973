"""Tests of grid.report."""
