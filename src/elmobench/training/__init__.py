"""Batching, the training loop, random streams and saved heads."""
