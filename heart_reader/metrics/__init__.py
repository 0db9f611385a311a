"""What is computed from labels and probabilities."""
