"""What is settled is always a prefix, in whatever order acknowledgements come."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from runfold.journal.position import Position
from runfold.shipper.flight import Flight, Leg


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), max_size=12), st.data())
def test_settled_legs_are_the_complete_ones_before_the_first_open_one(messages: list[int], data: st.DataObject) -> None:
    landed: list[None] = []
    flight = Flight(lambda: landed.append(None))
    acknowledge = [flight.start(Leg(Position(segment=n), {}), count) for n, count in enumerate(messages)]
    open_messages = list(messages)
    settled: list[int] = []
    order = data.draw(st.permutations([n for n, count in enumerate(messages) for _ in range(count)]))
    for which in order:
        acknowledge[which]()
        open_messages[which] -= 1
        if data.draw(st.booleans()):
            settled += [leg.position.segment for leg in flight.settle()]
            first_open = next((n for n, count in enumerate(open_messages) if count), len(messages))
            assert settled == list(range(first_open))
    settled += [leg.position.segment for leg in flight.settle()]
    assert settled == list(range(len(messages)))
    assert flight.empty
    assert len(landed) == sum(count > 0 for count in messages)
