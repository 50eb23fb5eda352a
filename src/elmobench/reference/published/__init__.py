"""The published heads of allennlp-models. These modules run in the reference environment.

Each has a function ``arrays(seed)``, which builds a small published head, draws its parameters and
inputs at random, and returns arrays under these names: ``parameter/…`` (as in its state dict),
``input/…`` and ``output/…``. They import AllenNLP and each other, and nothing else of elmobench.
"""
