"""A small BERT: WordPiece and a masked language model."""
