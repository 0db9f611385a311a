"""Read ECGs of a DICOM archive, and send structured reports back."""

COMMANDS = ("find", "fetch", "read", "listen")
