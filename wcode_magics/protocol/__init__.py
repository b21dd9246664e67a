"""Chat-completions API as values: parameters, request, reply, stream, schema."""
