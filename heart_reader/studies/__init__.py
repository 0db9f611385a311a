"""What made the fitted numbers and the tables; no part of a reading."""
