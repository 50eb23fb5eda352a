"""Names of trackers, for the command line, which imports nothing heavy."""

DEFAULT_TRACKER = "mlflow"
