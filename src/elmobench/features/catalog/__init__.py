"""The catalog of models: names to feature providers and their files."""
