"""Coreference and ambiguous pronouns."""
