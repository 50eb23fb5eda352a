"""Batching, the trainer, random streams and saved heads."""
