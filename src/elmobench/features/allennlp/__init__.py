"""ELMo by AllenNLP itself, in an environment of its own: the reference, and for comparison."""
