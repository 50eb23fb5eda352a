"""Pre-training on one's own text: the biLM of ELMo, GloVe, BERT."""
