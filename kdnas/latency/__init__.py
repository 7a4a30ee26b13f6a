"""Latency: measured in interleaved rounds against the teacher, or read from a table."""
