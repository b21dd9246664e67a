"""Background loop and its shutdown; slow imports, logs and private files."""
