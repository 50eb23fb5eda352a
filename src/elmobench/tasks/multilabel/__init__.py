"""Several labels per text."""
