"""Tests of grid.scoring."""
