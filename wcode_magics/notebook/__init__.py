"""IPython's side: %%wcode, every %command, completion."""
