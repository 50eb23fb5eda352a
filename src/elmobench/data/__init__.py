"""Examples, cards, readers and downloads with digests."""
