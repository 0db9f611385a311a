"""``python predict.py`` is ``heart-reader predict``."""

import sys

from heart_reader.commands import main

if __name__ == "__main__":
    sys.exit(main(["predict", *sys.argv[1:]]))
