"""Tests of grid.inputs."""
