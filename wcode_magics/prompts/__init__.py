"""Prompt templates, and the text of values in prompts."""
