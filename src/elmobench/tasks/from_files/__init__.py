"""Proposing a task card by looking at files, for ``elmobench new task --from``."""
