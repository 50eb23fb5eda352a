"""Results in formats that other programs read. Nothing is uploaded."""
