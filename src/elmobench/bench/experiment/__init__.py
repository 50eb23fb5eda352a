"""Experiment files, their composition, and the cells of their grid."""
