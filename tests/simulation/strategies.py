"""Scripts as hypothesis draws them. Times are whole seconds: sums are exact, and much happens at the same moment."""

from __future__ import annotations

from hypothesis import strategies as st

from expsdk.sweep.limits import Limits
from expsdk_runtime.contract import Phase
from simulation.behaviour import Behaviour
from simulation.simulation import Script

_VALUES = st.sampled_from([0.0, 1.0, -1.0, float("nan"), float("inf"), float("-inf")])
_ENDS = st.sampled_from([Phase.SUCCEEDED, Phase.SUCCEEDED, Phase.FAILED, Phase.PRUNED, ""])


def seconds(most: int, *, least: int = 0) -> st.SearchStrategy[float]:
    """Whole seconds."""
    return st.integers(least, most).map(float)


def seconds_or_never(most: int) -> st.SearchStrategy[float | None]:
    """Whole seconds, and None now and then."""
    return st.integers(0, most + 1).map(lambda drawn: None if drawn > most else float(drawn))


BEHAVIOURS = st.builds(
    Behaviour,
    starts=seconds(3),
    runs=seconds_or_never(8),
    ends=_ENDS,
    value=_VALUES,
    leaves=seconds_or_never(6),
    heeds_stop=seconds_or_never(6),
    heeds_sigterm=seconds_or_never(6),
    last_words=st.booleans(),
    dies=seconds(3),
)
LIMITS = st.builds(
    Limits,
    trials=st.integers(1, 12),
    parallelism=st.integers(1, 4),
    max_failures=st.none() | st.integers(0, 4),
    timeout_s=st.none() | seconds(60, least=1),
    trial_timeout_s=st.none() | seconds(15, least=1),
    grace_s=seconds(5, least=1),
)
NEVER_STOPPED = st.builds(
    Limits,
    trials=st.integers(1, 12),
    parallelism=st.integers(1, 4),
    trial_timeout_s=st.none() | seconds(15, least=1),
    grace_s=seconds(5, least=1),
)
CRASHES = st.lists(st.integers(0, 40), max_size=8).map(tuple)
NO_CRASHES = st.just(())
INTERRUPTIONS = st.lists(seconds(40), max_size=3).map(tuple)
NO_INTERRUPTIONS = st.just(())


def scripts(
    *,
    limits: st.SearchStrategy[Limits] = LIMITS,
    crashes: st.SearchStrategy[tuple[int, ...]] = CRASHES,
    interruptions: st.SearchStrategy[tuple[float, ...]] = INTERRUPTIONS,
) -> st.SearchStrategy[Script]:
    """Scripts of what goes wrong."""
    return st.builds(
        Script,
        limits=limits,
        behaviours=st.lists(BEHAVIOURS, min_size=1, max_size=6).map(tuple),
        direction=st.sampled_from(["minimize", "maximize"]),
        interruptions=interruptions,
        crashes=crashes,
        outage=seconds(10),
        jobs_survive=st.booleans(),
        delays=st.lists(seconds(4), min_size=1, max_size=4).map(tuple),
        echoes=st.lists(st.none() | seconds(9), min_size=1, max_size=4).map(tuple),
        coalesces=st.booleans(),
        ticks_first=st.booleans(),
    )
