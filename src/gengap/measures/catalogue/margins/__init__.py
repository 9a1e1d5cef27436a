"""Margins and losses on the training split."""
