"""Detectors: frontends, backends, their networks, specifications, weights and forward passes."""
