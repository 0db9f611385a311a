"""Turn probabilities, measurements and the measured rhythm into one consistent diagnosis."""
