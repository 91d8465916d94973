"""Tests of cluster.stages."""
