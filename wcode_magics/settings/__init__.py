"""Options and settings: what can be set, read from where, and checked how."""
