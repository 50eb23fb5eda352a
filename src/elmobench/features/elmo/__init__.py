"""ELMo, exactly as published."""
