"""Numbers as people write them."""


def plain(value: float, digits: int = 4) -> str:
    """The number to ``digits`` significant digits, those before the point all written out, with commas, up to 1e15.

    >>> plain(0.12345), plain(56.0), plain(12512.0), plain(999.97, digits=3)
    ('0.1235', '56', '12,512', '1,000')
    """
    return f"{value:,.0f}" if 10 ** (digits - 1) <= abs(value) < 1e15 else f"{value:.{digits}g}"
