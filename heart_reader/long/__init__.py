"""Readings of long recordings: beats, trend, episodes, hours and what they come to, in words."""
