"""Tables: one request per row, one value per answer."""
