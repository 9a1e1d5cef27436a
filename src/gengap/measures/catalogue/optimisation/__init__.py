"""How fast training went."""
