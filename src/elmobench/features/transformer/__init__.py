"""Frozen transformers: any Hugging Face encoder or decoder as a feature provider."""
