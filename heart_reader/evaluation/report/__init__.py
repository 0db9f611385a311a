"""The report of one split."""
