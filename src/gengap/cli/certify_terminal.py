"""How an answer of ``gengap certify`` is shown in a terminal."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gengap.tasks.certify import Certificate
    from gengap.tasks.certify.outputs import Answer


def show(answer: "Answer", *, all_bounds: bool = False) -> None:
    """Prints the promise first, then what was seen and assumed, and where it holds; the other bounds if asked for."""
    from rich.table import Table
    from rich.text import Text

    from gengap.console import Console

    console = Console(highlight=False)
    console.print(answer.sentence, markup=False, style="bold")
    certificate: Any = getattr(answer, "certificate", answer)
    if all_bounds and hasattr(certificate, "bounds"):
        console.print(_table(certificate))
    notes = Table.grid(padding=(0, 1))
    for note in answer.notes:
        notes.add_row("-", Text(note))
    console.print(notes)
    console.print(f"Where it holds: {certificate.scope}", markup=False, style="dim")
    if not all_bounds and hasattr(certificate, "bounds"):
        console.print(
            "Other bounds, each by itself (Hoeffding, Kawaguchi et al. …): --bounds", markup=False, style="dim"
        )


def _table(certificate: "Certificate") -> Any:
    from gengap.cli.table import empty_table
    from gengap.tasks.certify.words import WORDS, rate

    table = empty_table("bound", "risk at most", "remarks")
    for name, bound in certificate.bounds.items():
        words = WORDS[name]
        upper = rate(bound["upper"], certificate.zero_one, up=True) if bound["upper"] is not None else "–"
        promised = name == certificate.headline
        note = "the promise: chosen before the data" if promised else bound.get("reason", words.note)
        table.add_row(words.title, upper, note, style="bold" if promised else None)
    return table
