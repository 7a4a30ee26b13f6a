"""What the Snakefile needs beside the method: checks of a run's surroundings, signals, provenance."""
