"""What ``python -m kdnas`` does: one module a command."""
