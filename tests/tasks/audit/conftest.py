"""An audit without the parts that take seconds."""

from typing import Any

import pytest

from gengap.tasks.audit import task
from gengap.tasks.audit.part import NotApplicable


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the parts that take seconds, which have tests of their own."""

    def absent(*_: Any, **__: Any) -> Any:
        raise NotApplicable("not in this test")

    monkeypatch.setattr(task.weight_parts, "measures_part", absent)
    monkeypatch.setattr(task.gradients, "coherence_part", absent)
