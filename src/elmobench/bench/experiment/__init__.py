"""Experiment files, and the grid of cells that they describe."""
