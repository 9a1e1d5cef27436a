"""The measures, one file each, in folders by family."""
