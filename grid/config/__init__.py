"""Experiment files and recipes as pydantic models; an error message has file, line, value and choices."""
