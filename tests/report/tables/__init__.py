"""Tests of grid.report.tables."""
