"""Official metrics, one per module."""
