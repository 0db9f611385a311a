"""``python evaluate.py`` is ``heart-reader evaluate``."""

import sys

from heart_reader.commands import main

if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))
