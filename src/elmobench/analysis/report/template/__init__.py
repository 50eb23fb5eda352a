"""Text templates whose numbers, tables and drawings come from records."""
