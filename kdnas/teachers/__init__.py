"""The teacher: fetched, checked, fine-tuned or adopted, and asked for its answers."""
