"""A tabular benchmark: every architecture of a space, evaluated once, so that a search costs a look-up."""
