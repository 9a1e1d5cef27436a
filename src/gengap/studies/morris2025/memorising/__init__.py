"""The networks, and their training on random data."""
