"""Cells: the job of one training, its status in the store, its baseline, gangs and balanced selections."""
