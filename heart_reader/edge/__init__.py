"""Exported models that run without torch."""
