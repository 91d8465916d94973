"""Tests of grid.experiment."""
