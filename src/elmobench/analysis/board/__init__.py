"""A board: the results of several studies in tables of representations by tasks."""
