"""The table of how measures fared on trial."""

from gengap.measures import Record, all_measures, record, record_provenance
from gengap.measures.records import _table


def test_a_measure_of_the_users_has_no_record() -> None:
    assert record("nobody_has_this_name") is None


def test_records_are_of_measures_that_exist_and_say_how_they_were_made() -> None:
    names = {measure.name for measure in all_measures()}
    table = _table()["measures"]
    assert set(table) <= names
    assert all((entry := record(name)) and entry.sentence for name in table)
    assert bool(table) == bool(record_provenance())


def test_the_sentence_names_what_moves_a_measure_as_far_as_the_gap_does() -> None:
    moves = {"another seed": 0.4, "rescaled layers": 1.0}
    assert Record("m", "blind", 0.1, 0.3, 20, moves).fragile == ("rescaled layers",)
    assert "rescaled layers" in Record("m", "blind", 0.1, 0.3, 20, moves).sentence
    assert Record("m", "no value", None, None, 0, {}).sentence == "has no value on the networks of the trial"
