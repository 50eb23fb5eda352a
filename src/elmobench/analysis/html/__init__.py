"""What the HTML pages share: their style, and how text becomes markup."""
