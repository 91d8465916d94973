"""The experiment file and the recipe as typed models; every mistake is named with its file, line, value and choices."""
