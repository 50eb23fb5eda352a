"""Models that are trained together with a task's head: ``name(finetuned)``."""
