"""The database's time, read locally: the best measurement wins, and time never goes backwards."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from outdial.clock import SystemClock
from tests.support.clock import FakeClock, let_others_run


class Machine:
    """A machine whose clocks the test moves."""

    def __init__(self) -> None:
        self.monotonic = 50.0
        self.wall = 1_000_000.0
        self.clock = SystemClock(monotonic=lambda: self.monotonic, wall=lambda: self.wall)

    def asks(self, database_offset: float, there_s: float = 0.001, back_s: float = 0.001) -> None:
        """One round trip to a database whose time is monotonic + `database_offset`."""
        sent = self.monotonic
        self.monotonic += there_s
        database_time = self.monotonic + database_offset
        self.monotonic += back_s
        self.clock.measure(sent, database_time, self.monotonic)


def test_it_goes_by_the_wall_clock_until_the_database_was_asked() -> None:
    machine = Machine()
    assert machine.clock.now() == 1_000_000.0
    assert machine.clock.uncertainty() is None


def test_it_shows_the_databases_time_after_one_round_trip() -> None:
    machine = Machine()
    machine.asks(database_offset=2_000_000.0)
    assert abs(machine.clock.now() - (machine.monotonic + 2_000_000.0)) < 1e-6
    assert round(machine.clock.uncertainty() or 0, 6) == 0.001


def test_a_jump_of_the_wall_clock_changes_nothing() -> None:
    machine = Machine()
    machine.asks(database_offset=2_000_000.0)
    before = machine.clock.now()
    machine.wall += 3_600
    assert machine.clock.now() == before


def test_a_slow_and_lopsided_round_trip_does_not_spoil_a_good_measurement() -> None:
    machine = Machine()
    machine.asks(database_offset=2_000_000.0)
    machine.asks(database_offset=2_000_000.0, there_s=0.0, back_s=3.0)
    assert abs(machine.clock.now() - (machine.monotonic + 2_000_000.0)) < 1e-3


def test_when_the_databases_clock_is_set_back_ours_runs_slower_until_it_has_caught_up() -> None:
    machine = Machine()
    machine.asks(database_offset=2_000_000.0)
    shown = machine.clock.now()
    machine.asks(database_offset=1_999_990.0)
    assert machine.clock.now() >= shown
    assert round(machine.clock.offset_error()) == 10
    machine.monotonic += 10
    assert round(machine.clock.offset_error()) == 5
    machine.monotonic += 11
    assert machine.clock.offset_error() == 0
    assert abs(machine.clock.now() - (machine.monotonic + 1_999_990.0)) < 1e-2


def test_when_the_databases_clock_is_set_forward_ours_follows_at_once() -> None:
    machine = Machine()
    machine.asks(database_offset=2_000_000.0)
    machine.asks(database_offset=2_003_600.0)
    assert abs(machine.clock.now() - (machine.monotonic + 2_003_600.0)) < 1e-3


def test_an_old_measurement_is_given_up_for_a_newer_one_because_clocks_drift() -> None:
    machine = Machine()
    machine.asks(database_offset=2_000_000.0)
    machine.monotonic += 400
    machine.asks(database_offset=2_000_000.03, there_s=0.01, back_s=0.01)
    assert abs(machine.clock.now() - (machine.monotonic + 2_000_000.03)) < 1e-3


@given(
    st.lists(
        st.tuples(st.floats(-1e5, 1e5), st.floats(0, 5), st.floats(0, 5), st.floats(0, 1_000), st.booleans()),
        max_size=30,
    )
)
def test_time_never_goes_backwards(steps: list[tuple[float, float, float, float, bool]]) -> None:
    machine = Machine()
    shown = machine.clock.now()
    for offset, there, back, passes, looks in steps:
        machine.asks(2_000_000.0 + offset, there, back)
        if looks:
            assert machine.clock.now() >= shown
            shown = machine.clock.now()
        machine.monotonic += passes
        assert machine.clock.now() >= shown
        shown = machine.clock.now()


async def test_the_fake_clock_wakes_sleepers_in_the_order_of_their_times() -> None:
    import asyncio

    clock, woken = FakeClock(now=1_000.0), list[tuple[str, float]]()

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.now()))

    async def ticker() -> None:
        for _ in range(3):
            await clock.sleep_until(clock.now() + 10)
            woken.append(("tick", clock.now()))

    tasks = [asyncio.create_task(t) for t in (sleeper("late", 25), sleeper("early", 5), ticker())]
    await clock.sleeping(3)
    await clock.advance(25)
    assert woken == [("early", 1_005.0), ("tick", 1_010.0), ("tick", 1_020.0), ("late", 1_025.0)]
    await clock.advance(5)
    await asyncio.gather(*tasks)
    assert woken[-1] == ("tick", 1_030.0)
    await let_others_run()
    assert clock.sleepers() == 0
