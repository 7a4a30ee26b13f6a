"""The result figures: one module a figure, each returns a matplotlib ``Figure``."""
