"""Tests of grid.config."""
