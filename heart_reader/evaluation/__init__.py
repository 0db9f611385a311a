"""Honest numbers: metrics, thresholds and calibration from validation, bootstrap intervals, the
report and its figures.
"""
