"""The report of an experiment: terminal, Markdown, LaTeX, HTML and text templates."""
