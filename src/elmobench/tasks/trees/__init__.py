"""Trees: distances between the words of a dependency tree, and depths of words."""
