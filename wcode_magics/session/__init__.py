"""More than one question: conversations, tools, typed answers, sweeps."""
