"""What may be promised of the best of many models.

Three hundred configurations were compared on 10,000 examples; the best one makes 30 errors.
"""

import gengap

for tried in (1, 300):
    certificate = gengap.certify(errors=30, n=10_000, tried=tried)
    print(f"best of {tried}: the true error rate is at most {certificate.upper:.2%}")
