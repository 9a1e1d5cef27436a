"""Without transformers a folder of Hugging Face is refused with the name of the extra."""

import json
import sys
from pathlib import Path

import pytest

from gengap import models
from gengap.errors import InputError


def test_the_message_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "vit"}))
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError, match=r'pip install "gengap\[transformers\]"'):
        models.build(str(tmp_path), (1, 8, 8), 10)


def test_a_folder_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="There is no folder nowhere/at/all"):
        models.build("nowhere/at/all", (1, 8, 8), 10)
