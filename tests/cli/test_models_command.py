"""`gengap models`."""

import json

import pytest

from gengap.cli import main


def test_json_lists_every_model(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["models", "--json"])
    assert stop.value.code == 0
    rows = json.loads(capsys.readouterr().out)["models"]
    assert {tuple(row) for row in rows} == {("name", "parameters", "input_shape", "source")}
    found = {row["name"]: (row["parameters"], row["input_shape"]) for row in rows}
    assert found["inception-small"] == (1_649_402, [3, 28, 28])
    assert found["convnet-3"] == (154_464, [3, 32, 32])


def test_table_tells_the_counts(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["models"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert "1,387,786" in out
    assert "mlp-3x512" in out
