"""Tables: each row a request, each answer a cell."""
