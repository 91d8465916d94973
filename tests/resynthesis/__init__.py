"""Tests of grid.resynthesis."""
