"""``python run_server.py`` is ``heart-reader serve``."""

import sys

from heart_reader.commands import main

if __name__ == "__main__":
    sys.exit(main(["serve", *sys.argv[1:]]))
