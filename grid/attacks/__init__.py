"""Attacks that this project can make itself, as stand-ins for speech generation: one file is one attack."""
