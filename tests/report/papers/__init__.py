"""Tests of grid.report.papers."""
