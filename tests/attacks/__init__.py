"""Tests of grid.attacks."""
