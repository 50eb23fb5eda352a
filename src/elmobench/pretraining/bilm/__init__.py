"""The biLM below ELMo: two language models that share their character CNN and their softmax."""
