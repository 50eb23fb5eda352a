"""Vectors of a text file, written to one file."""
