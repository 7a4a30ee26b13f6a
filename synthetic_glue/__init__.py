"""Generated tasks of GLUE's shape, for runs without the data: see docs/synthetic.md.

They are synthetic: scores on them say nothing of GLUE. Here stand the names alone, all that the check of
a configuration needs; ``generator`` makes the tasks.
"""

TASKS = ("mnli", "rte", "mrpc", "qqp", "qnli", "sst2", "cola", "stsb")
