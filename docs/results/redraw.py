"""Draws the report of every study here again from its recorded rows; trains nothing.

python docs/results/redraw.py            # all, as `make results` does
python docs/results/redraw.py theorem7   # those whose folder has this in its name
"""

import sys
from pathlib import Path

from gengap.studies.evidence import recorded_results
from gengap.studies.report import write_report

HERE = Path(__file__).parent


def main(part: str = "") -> None:
    """Writes each report into its own folder."""
    for name, recorded in recorded_results(HERE).items():
        if part in recorded.folder.as_posix():
            page = write_report(
                name, recorded.outcome.scale, [recorded.outcome], HERE / recorded.folder, recorded.provenance
            )
            print(page.relative_to(HERE))


if __name__ == "__main__":
    main(*sys.argv[1:])
