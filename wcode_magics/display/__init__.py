"""Values as mimebundles: HTML that is safe, Markdown, and always plain text."""
