"""Tests of grid.policies."""
