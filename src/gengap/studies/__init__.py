"""The papers: one folder a paper, one file a table or figure of it, which holds the claim, the grid and the numbers."""
