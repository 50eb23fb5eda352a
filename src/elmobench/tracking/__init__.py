"""Run records and MLflow."""
