"""Options and settings: what can be set, from which sources, and how it is checked."""
