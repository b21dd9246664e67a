"""Beyond single requests: conversations, tools, structured answers, sweeps."""
