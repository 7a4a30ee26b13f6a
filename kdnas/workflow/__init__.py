"""The Snakefile's helpers beside the method: checks of a run's surroundings, signals, provenance."""
