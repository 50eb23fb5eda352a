"""The report of an experiment: terminal, Markdown, HTML and templates."""
