"""The one exit to pages and terminals: text made inert, secrets masked."""
