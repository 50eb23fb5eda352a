"""Experiments, grids, cells and the runner."""
