"""Official metrics, one a module."""
