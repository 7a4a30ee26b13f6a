"""What a run costs, before it starts: jobs, time, memory and disk from the config and a short calibration."""
