"""Scripts as hypothesis draws them. Times are whole seconds: sums are exact, and much happens at the same moment."""

from __future__ import annotations

from hypothesis import strategies as st

from expsdk.sweep.budget import Budget
from expsdk.sweep.limits import Limits
from expsdk.sweep.tally import SECONDS_PER_HOUR
from expsdk_runtime.contract import Phase, Reason
from simulation.behaviour import Behaviour
from simulation.script import Script

_VALUES = st.sampled_from([0.0, 1.0, -1.0, float("nan"), float("inf"), float("-inf")])
_ENDS = st.sampled_from(
    [
        (Phase.SUCCEEDED, ""),
        (Phase.SUCCEEDED, ""),
        (Phase.FAILED, Reason.USER_ERROR),
        (Phase.FAILED, Reason.PREEMPTED),
        (Phase.FAILED, Reason.EVICTED),
        (Phase.PRUNED, Reason.PRUNED),
        ("", ""),
    ]
)


def seconds(most: int, *, least: int = 0) -> st.SearchStrategy[float]:
    """Whole seconds."""
    return st.integers(least, most).map(float)


def seconds_or_never(most: int) -> st.SearchStrategy[float | None]:
    """Whole seconds, and None now and then."""
    return st.integers(0, most + 1).map(lambda drawn: None if drawn > most else float(drawn))


def behaviours(*, runs: st.SearchStrategy[float | None]) -> st.SearchStrategy[Behaviour]:
    """How jobs behave."""
    return st.builds(
        lambda ending, **more: Behaviour(ends=ending[0], reason=ending[1], **more),
        _ENDS,
        starts=seconds(3),
        runs=runs,
        value=_VALUES,
        epochs=st.integers(0, 6),
        goes_on=st.booleans(),
        leaves=seconds_or_never(6),
        heeds_stop=seconds_or_never(6),
        heeds_sigterm=seconds_or_never(6),
        last_words=st.booleans(),
        dies=seconds(3),
    )


BEHAVIOURS = st.lists(behaviours(runs=seconds_or_never(8)), min_size=1, max_size=6).map(tuple)
# The connection gives the job of attempt n + 1 the behaviour of the seventh trial after: here that is the same.
STEADY = st.lists(behaviours(runs=seconds(8)), min_size=7, max_size=7).map(tuple)
_SIZES = {
    "trials": st.integers(1, 12),
    "parallelism": st.integers(1, 4),
    "retries": st.integers(0, 2),
    "grace_s": seconds(5, least=1),
}
_TRIAL_TIMEOUTS = st.none() | seconds(15, least=1)
STOPS = {
    "max_failures": st.none() | st.integers(0, 4),
    "timeout_s": st.none() | seconds(60, least=1),
    "target": st.none() | st.sampled_from([0.0, -1.0]),
}
DRAINS = {
    "no_improvement_trials": st.none() | st.integers(1, 5),
    "budget": st.none() | seconds(60, least=1).map(lambda drawn: Budget("cpu", drawn / SECONDS_PER_HOUR)),
}
LIMITS = st.builds(Limits, trial_timeout_s=_TRIAL_TIMEOUTS, **_SIZES, **STOPS)
ANY_LIMITS = st.builds(Limits, trial_timeout_s=_TRIAL_TIMEOUTS, **_SIZES, **STOPS, **DRAINS)
DRAINED = st.builds(Limits, trial_timeout_s=_TRIAL_TIMEOUTS, **_SIZES, **DRAINS)
NEVER_STOPPED = st.builds(Limits, trial_timeout_s=_TRIAL_TIMEOUTS, **_SIZES)
NO_LIMITS = st.builds(Limits, **_SIZES)
CRASHES = st.lists(st.integers(0, 40), max_size=8).map(tuple)
NO_CRASHES = st.just(())
INTERRUPTIONS = st.lists(seconds(40), max_size=3).map(tuple)
NO_INTERRUPTIONS = st.just(())
NO_STOPS = st.just(())
STOPS_OF_TRIALS = st.lists(st.tuples(seconds(30), st.integers(0, 12)), min_size=1, max_size=6).map(tuple)


def scripts(
    *,
    limits: st.SearchStrategy[Limits] = LIMITS,
    jobs: st.SearchStrategy[tuple[Behaviour, ...]] = BEHAVIOURS,
    crashes: st.SearchStrategy[tuple[int, ...]] = CRASHES,
    interruptions: st.SearchStrategy[tuple[float, ...]] = INTERRUPTIONS,
    stops: st.SearchStrategy[tuple[tuple[float, int], ...]] = NO_STOPS,
) -> st.SearchStrategy[Script]:
    """Scripts of what goes wrong."""
    return st.builds(
        Script,
        limits=limits,
        behaviours=jobs,
        direction=st.sampled_from(["minimize", "maximize"]),
        interruptions=interruptions,
        stops=stops,
        crashes=crashes,
        outage=seconds(10),
        jobs_survive=st.booleans(),
        delays=st.lists(seconds(4), min_size=1, max_size=4).map(tuple),
        echoes=st.lists(st.none() | seconds(9), min_size=1, max_size=4).map(tuple),
        coalesces=st.booleans(),
        ticks_first=st.booleans(),
        resumes=st.integers(0, 2),
        rate=st.just(1.0),
        ceiling=st.none() | st.just(0.5),
    )
