"""Texts whose numbers come from records."""
