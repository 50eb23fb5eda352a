"""Tagging: one tag per token (NER, chunking, parts of speech)."""
