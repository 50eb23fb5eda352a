"""The functions that Python users call, and the objects with tables that they return."""
