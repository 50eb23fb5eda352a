"""The paper's findings as testable claims."""
