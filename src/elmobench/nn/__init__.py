"""Layer mix, feature mixer and the modules that heads are made of; independent of the tasks."""
