"""IPython integration: ``%%wcode``, the line commands and their completion."""
