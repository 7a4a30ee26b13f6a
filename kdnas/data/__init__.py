"""Data: tasks, sources, the rows that train and that judge, metrics."""
