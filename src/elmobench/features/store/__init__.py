"""The feature store: all layers of every distinct sentence, written once, read by memory map."""
