"""heart_reader: reads a 12-lead ECG. Research use only, not a medical device."""
