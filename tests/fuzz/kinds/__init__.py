"""The kinds of input, one module per area; each has a list ``KINDS``."""
