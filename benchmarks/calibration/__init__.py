"""How often the verdicts of ``elmobench compare`` are wrong, in simulated experiments."""
