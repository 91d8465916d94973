"""Tests of grid.mos."""
