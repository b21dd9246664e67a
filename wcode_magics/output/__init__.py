"""Output to pages and terminals: text is escaped, secrets are masked."""
