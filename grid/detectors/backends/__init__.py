"""Backends: features to logits or cosines. Each file of this folder declares one backend."""
