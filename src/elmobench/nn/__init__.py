"""Layer mix, feature mixer and the modules that heads are built of. Knows no task."""
