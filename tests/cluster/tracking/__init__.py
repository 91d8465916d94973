"""Tests of cluster.tracking."""
