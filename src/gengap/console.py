"""Rich's console for tables and bars, in which what strangers say is shown and never obeyed."""

from collections.abc import Iterable
from typing import Any

from rich import console
from rich.segment import Segment

from gengap.terminal import visible


class Console(console.Console):
    """Rich's console, which writes out control characters in what it prints: styles are not part of the text."""

    def render(self, renderable: console.RenderableType, options: Any = None) -> Iterable[Segment]:
        """The segments of a renderable."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)
