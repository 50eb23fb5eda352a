"""The fuzzer: readers get mutated inputs, and must refuse them with an error or read them right.

``make fuzz`` runs it; see :mod:`tests.fuzz.__main__`.
"""
