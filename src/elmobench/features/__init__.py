"""Providers of frozen vectors, their catalog, and the feature store."""
