"""Losses, the loop, and the recipe behind ``train.py``."""
