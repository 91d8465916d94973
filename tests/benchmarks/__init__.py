"""Benchmarks: ours beside the obvious alternative, run by `make bench`; README.md says what each compares."""
