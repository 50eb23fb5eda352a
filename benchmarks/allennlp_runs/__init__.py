"""``allennlp train`` and ``elmobench run`` on the same data, with the same ELMo and sizes."""
