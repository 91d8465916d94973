"""Tests of cluster.runtime."""
