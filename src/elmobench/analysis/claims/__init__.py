"""Published findings, tested on the records of an experiment."""
