"""Launchers: where sentences are encoded and cells run."""
