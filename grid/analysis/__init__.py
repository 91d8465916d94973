"""Scores and renditions to answers: results of a grid, significance, effects, artefacts, shortcuts, predicted MOS."""
