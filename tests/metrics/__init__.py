"""Tests of grid.metrics."""
