"""Prompt templates, and how a value reads inside a prompt."""
