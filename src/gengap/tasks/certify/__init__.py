"""``certify``: what a held-out score is worth."""

from gengap.tasks.certify.certificate import Certificate, certify, certify_units

__all__ = ["Certificate", "certify", "certify_units"]
