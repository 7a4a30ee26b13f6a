"""The search: space, strategies, rewards, history, selection."""
