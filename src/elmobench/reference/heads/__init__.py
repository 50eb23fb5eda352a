"""Our heads with the parameters of the published ones, one module per head."""
