"""From probabilities to decisions, and how what decides is chosen."""
