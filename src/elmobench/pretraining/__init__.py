"""Pre-training on your own text: the biLM of ELMo, GloVe, BERT."""
