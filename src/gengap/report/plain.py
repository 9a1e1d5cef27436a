"""Numbers as people write them: one form for a quantity, in sentences, tables and pages alike."""

import math

PERCENT = ",.2%"  # of an accuracy, an error rate, or a difference of these


def plain(value: float, digits: int = 4) -> str:
    """The number to ``digits`` significant digits, those before the point all written out, with commas, up to 1e15.

    >>> plain(0.12345), plain(56.0), plain(12512.0), plain(999.97, digits=3)
    ('0.1235', '56', '12,512', '1,000')
    """
    return f"{value:,.0f}" if 10 ** (digits - 1) <= abs(value) < 1e15 else f"{value:.{digits}g}"


def percent(fraction: float | None) -> str:
    """An accuracy or error rate as people read it; a dash where there is none.

    >>> percent(0.9731), percent(1.0), percent(None)
    ('97.31%', '100.00%', '–')
    """
    return "–" if fraction is None or math.isnan(fraction) else format(fraction, PERCENT)
