"""ELMo computed by AllenNLP in a separate environment: the reference for vectors and heads."""
