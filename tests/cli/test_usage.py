"""A command line that cannot be parsed: one to three lines on stderr, exit status 2."""

import re

import pytest

from gengap.cli import main


@pytest.mark.parametrize(
    ("arguments", "message", "command"),
    [
        (["certify", "--errors", "x", "--n", "10"], "'--errors'", "gengap certify"),
        (["certify", "--bogus"], r"No such option:? '?--bogus", "gengap certify"),
        (["certify", "--errors"], "requires an argument", "gengap certify"),
        (["certify", "--errors", "1", "--n", "0x"], "'--n'", "gengap certify"),
        (["randomize", "extra"], "extra", "gengap randomize"),
        (["models", "extra"], "extra", "gengap models"),
        (["study", "run"], "Missing argument", "gengap study run"),
        (["study", "run", "zhang2017", "--workers", "0"], "'--workers'", "gengap study run"),
        (["study", "run", "zhang2017", "--scale", "huge"], "'smoke', 'desk', 'paper'", "gengap study run"),
        (["data", "fetch"], "Missing argument", "gengap data fetch"),
        (["runs", "export", "--format", "xls"], "'csv', 'parquet', 'json'", "gengap runs export"),
        (["runs", "lst"], "No such command 'lst'", "gengap runs"),
        (["--bogus"], r"No such option:? '?--bogus", "gengap"),
    ],
)
def test_usage_errors_take_two_lines(capsys, arguments: list[str], message: str, command: str) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    told, next_step = printed.err.splitlines()
    assert told.startswith("gengap: ")
    assert re.search(message, told)
    assert next_step == f"Next: {command} --help"


def test_an_unknown_command_names_the_nearest(capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["certifi"])
    assert stop.value.code == 2
    told = capsys.readouterr().err
    assert "Unknown command 'certifi'" in told
    assert "did you mean 'certify'?" in told


@pytest.mark.parametrize("arguments", [[], ["runs"], ["study"], ["data"]])
def test_without_a_command_the_help_is_printed(capsys, arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    printed = capsys.readouterr()
    assert "Commands" in printed.out
    assert printed.err == ""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["certify", "--help"], ["study", "run", "--help"]])
def test_help_and_version_succeed(capsys, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 0
    assert capsys.readouterr().out
