"""``python export.py`` is ``heart-reader export``."""

import sys

from heart_reader.commands import main

if __name__ == "__main__":
    sys.exit(main(["export", *sys.argv[1:]]))
