"""The cost of a run before it starts: jobs, time, memory and disk, from the config and a calibration."""
