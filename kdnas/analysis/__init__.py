"""What a run says: scores by seed, the paper's claims, the proxy's fidelity."""
