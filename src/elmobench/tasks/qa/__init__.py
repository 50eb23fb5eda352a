"""Question answering over passages."""
