"""Task cards: their schema, where they are found, and the files they name."""
