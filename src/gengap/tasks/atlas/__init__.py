"""The atlas: a static site with a page for each study, its claim, its account, and the paper's numbers beside ours."""

from gengap.tasks.atlas.task import Atlas, atlas

__all__ = ["Atlas", "atlas"]
