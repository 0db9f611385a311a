"""``python -m heart_reader`` is the command ``heart-reader``."""

from heart_reader.commands import main

if __name__ == "__main__":
    raise SystemExit(main())
