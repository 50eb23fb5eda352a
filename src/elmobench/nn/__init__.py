"""Layer mix, encoders, CRF and pooling: modules without knowledge of tasks."""
