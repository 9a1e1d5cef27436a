"""``python -m gengap``."""

from gengap.cli import main

if __name__ == "__main__":
    main()
