"""Download, simulate and list data sets."""

COMMANDS = ("download", "simulate", "list")
