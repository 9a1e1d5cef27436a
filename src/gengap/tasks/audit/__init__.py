"""``audit``: has a model that was trained elsewhere learned or memorised, and what is its score worth?"""

from gengap.tasks.audit.comparison import AuditPair, audit_pair
from gengap.tasks.audit.gates import check_names, gate_records, judged, junit_xml
from gengap.tasks.audit.pair_page import side_by_side
from gengap.tasks.audit.result import Audit
from gengap.tasks.audit.task import audit
from gengap.tasks.audit.words import heading

__all__ = [
    "Audit",
    "AuditPair",
    "audit",
    "audit_pair",
    "check_names",
    "gate_records",
    "heading",
    "judged",
    "junit_xml",
    "side_by_side",
]
