"""Knowledge-distillation-aware neural architecture search (KD-NAS, arXiv 2303.09639 v1)."""
