"""Our heads held against the published implementations, weight for weight."""
