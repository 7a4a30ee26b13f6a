"""One training loop for fine-tuning, lockstep proxies and full distillation."""
