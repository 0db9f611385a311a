"""``python train.py`` is ``heart-reader train``."""

import sys

from heart_reader.commands import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
