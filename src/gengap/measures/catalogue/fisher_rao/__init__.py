"""The Fisher-Rao norm."""
