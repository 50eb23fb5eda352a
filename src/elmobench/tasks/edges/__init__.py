"""Edges: the labels of one span, or of two spans together."""
