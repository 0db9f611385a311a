"""Download, simulate, label and list data sets."""

COMMANDS = ("download", "simulate", "labels", "list")
