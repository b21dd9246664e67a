"""Values as mimebundles: sanitized HTML, Markdown, and always plain text."""
