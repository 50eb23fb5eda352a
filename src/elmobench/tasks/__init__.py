"""Pipelines and heads."""
