"""Tests of grid.report.writers."""
