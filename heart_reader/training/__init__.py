"""Losses, the loop, and the recipe behind ``heart-reader train``."""
