"""Text on a terminal: what files and networks of strangers say is shown and never obeyed."""

import re
import sys

# Control characters of ASCII but tab and newline, those of C1 and what turns the direction of writing: escape sequences
# begin with one of them, and a carriage return would overwrite a line.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    r"""The text with its control characters written out.

    >>> visible("a\x1b[2Jb\n")
    'a\\x1b[2Jb\n'
    """
    return _CONTROL.sub(lambda match: ascii(match[0])[1:-1], text)


def say(text: str = "", *, err: bool = False) -> None:
    """Prints a line to standard output, or to standard error, with control characters written out."""
    stream = sys.stderr if err else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    line = visible(text).encode(encoding, "backslashreplace").decode(encoding)
    stream.write(f"{line}\n")
    stream.flush()
