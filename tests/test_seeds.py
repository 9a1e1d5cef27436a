"""Streams: the same everywhere, independent of each other."""

import numpy as np

from gengap.seeds import generator, stream


def test_a_stream_is_the_same_in_every_process_and_version() -> None:
    assert stream(7) == int(np.random.SeedSequence([7]).generate_state(1, np.uint64)[0] >> np.uint64(1))
    assert stream(7, 3) == int(np.random.SeedSequence([7, 3]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def test_streams_differ_by_seed_purpose_and_number() -> None:
    streams = {stream(s, p, n) for s in range(5) for p in ("order", "initialisation") for n in range(5)}
    assert len(streams) == 50
    assert all(0 <= value < 2**63 for value in streams)


def test_streams_are_uncorrelated() -> None:
    one, other = (generator(0, "order", n).standard_normal(100_000) for n in (1, 2))
    assert abs(np.corrcoef(one, other)[0, 1]) < 4 / np.sqrt(100_000)
