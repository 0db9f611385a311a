"""Whole readings: what comes out, beside what the classes say alone."""
