"""Published findings and claims of an experiment, tested on its records."""
