"""Backends: features to logits. One file of this folder is one backend."""
