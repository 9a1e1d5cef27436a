"""Errors that the caller can mend: unusable input and unknown names."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class InputError(ValueError):
    """Unusable input. The message has one to three lines: what is wrong, what was expected, what to do next.

    The command line prints the message without a traceback and exits with status 2.

    Args:
        what: What is wrong, with the offending value or file.
        expected: What would have been valid.
        next_step: What the user can do now.
    """

    def __init__(self, what: str, *, expected: str = "", next_step: str = ""):
        self.what, self.expected, self.next_step = what, expected, next_step
        lines = [what]
        if expected:
            lines.append(f"Expected: {expected}")
        if next_step:
            lines.append(f"Next: {next_step}")
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.what, self.expected, self.next_step))


def unknown(kind: str, name: object, known: Iterable[str]) -> InputError:
    """The error for an unknown name; its message suggests the nearest known ones.

    Args:
        kind: What the name refers to, e.g. ``"data set"``.
        name: What the user wrote, or whatever stands in its place.
        known: All valid names.
    """
    names = sorted(known)
    near = get_close_matches(str(name), names, n=3, cutoff=0.5)
    return InputError(
        f"Unknown {kind} {name!r}.",
        expected=f"one of {', '.join(names)}" if names else f"a {kind}; none is available",
        next_step=f"did you mean {' or '.join(repr(n) for n in near)}?" if near else "",
    )


def exact(value: float) -> str:
    """A number with as many digits as distinguish it from any other.

    >>> exact(0.05), exact(1.0), exact(1.0000001), exact(10000000.0)
    ('0.05', '1', '1.0000001', '1e+07')
    """
    short = f"{float(value):g}"
    return short if float(short) == float(value) or value != value else repr(float(value))


def apart(value: float, other: float) -> str:
    """A number with six digits, or as many more as distinguish it from another.

    >>> apart(0.9990000000000001, 1), apart(1.00000004, 1)
    ('0.999', '1.00000004')
    """
    texts = ((f"{value:.{digits}g}", f"{other:.{digits}g}") for digits in range(6, 18))
    return next((text for text, of_other in texts if text != of_other), repr(value))


def listed(names: Sequence[object]) -> str:
    """The first six names, comma-separated, and the number of the remaining ones.

    >>> listed(range(8))
    '0, 1, 2, 3, 4, 5 and 2 more'
    """
    return ", ".join(map(str, names[:6])) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number of things in words.

    Args:
        number: How many.
        noun: What one of them is called.
        plural: What several are called; by default the noun with an s.

    >>> counted(1, "test example"), counted(2000, "test example"), counted(0, "class", "classes")
    ('1 test example', '2,000 test examples', '0 classes')
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def _rebuild(kind: type[InputError], what: str, expected: str, next_step: str) -> InputError:
    error = kind.__new__(kind)
    InputError.__init__(error, what, expected=expected, next_step=next_step)
    return error
