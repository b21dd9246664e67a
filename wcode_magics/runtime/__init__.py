"""What runs beside the main thread and how it ends; imports, private files."""
