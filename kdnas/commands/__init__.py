"""The commands of ``python -m kdnas``: one module each."""
