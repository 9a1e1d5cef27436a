import pickle
from pathlib import Path

import pytest
import sweep_work as work

from gengap.sweep.runners.parcel import Parcel, packed


def test_a_parcel_holds_work_and_payloads() -> None:
    function, payloads = packed(work.square, [1, "two", Path("/three")]).opened()
    assert function is work.square
    assert payloads == [1, "two", Path("/three")]


def test_paths_in_the_folder_are_exchanged_and_others_are_not(tmp_path: Path) -> None:
    sent = [tmp_path / "a", {"deep": [tmp_path, tmp_path / "a"]}, tmp_path.parent, str(tmp_path)]
    parcel = packed(work.square, sent, tmp_path)
    assert parcel.paths == (tmp_path / "a", tmp_path)
    assert parcel.opened()[1] == sent
    elsewhere = Parcel(parcel.content, (Path("/x"), Path("/y")))
    assert elsewhere.opened()[1] == [Path("/x"), {"deep": [Path("/y"), Path("/x")]}, tmp_path.parent, str(tmp_path)]


def test_what_cannot_be_pickled_raises() -> None:
    with pytest.raises((AttributeError, pickle.PicklingError), match=r"pickle.*lambda"):
        packed(work.square, [lambda: 1])
