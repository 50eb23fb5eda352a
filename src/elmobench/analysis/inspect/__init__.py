"""Looking at vectors, examples and parts of the test set."""
