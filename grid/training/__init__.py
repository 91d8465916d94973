"""Training of cells: training sets, losses, the optimiser loop of one cell and of a gang, saved states."""
