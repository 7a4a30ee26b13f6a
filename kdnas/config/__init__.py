"""The configuration: its schema, its validation and its reference."""
