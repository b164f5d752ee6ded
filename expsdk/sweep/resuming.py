"""Going on with a sweep that is kept already: what may have changed in its script, and what may not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from expsdk.errors import SweepError
from expsdk.resources.experiment import Experiment, ExperimentSpec
from expsdk.space import Space
from expsdk.space.difference import differences, losses

EXTEND = "extend"
_FREE = (
    "parallelism",
    "retries",
    "max_failures",
    "timeout_seconds",
    "trial_timeout_seconds",
    "grace_seconds",
    "target",
    "no_improvement_trials",
    "budget",
    "cache",
    "plan",
)
"""What may be another than before: what ends the sweep or its trials, not what is searched, and the user's own objects
as the script has them now: one of them may have been mended."""
_FIXED = ("function", "objectives", "sampler", "pruner", "initial", "learn_from", "replicates", "constrained")
_EXTENDING = "undo that, give another name= for a new sweep, or, for a larger space, write resume='extend'"


def check_resume(resume: object) -> bool | str:
    """Return what `run(resume=…)` was told.

    Raises:
        SweepError: It is none of the three.
    """
    if isinstance(resume, bool) or resume == EXTEND:
        return resume if isinstance(resume, bool) else EXTEND
    raise SweepError(
        f"resume is True, to go on with an experiment of this name, or {EXTEND!r}, to do so in a larger space, not"
        f" {resume!r}; write one of them"
    )


def taken_up(kept: Experiment, wanted: Experiment, *, is_seeded: bool, extend: bool) -> Experiment:
    """Return the record of a kept experiment as its script wants it now.

    Args:
        kept: The record as it is.
        wanted: The record that the script would create.
        is_seeded: Whether the script gives a seed.
        extend: Whether the space may be larger than before.

    Raises:
        SweepError: The script has changed what may not change; the message names all of it.
    """
    changes = list(_changes(kept.spec, wanted.spec, is_seeded=is_seeded, extend=extend))
    if changes:
        would_extend = not extend and not list(_changes(kept.spec, wanted.spec, is_seeded=is_seeded, extend=True))
        remedy = _EXTENDING if would_extend else "undo that, or give another name= for a new sweep"
        raise SweepError(
            f"a sweep goes on as it began, with trials= raised or other limits at most, and of {kept.metadata.name!r}"
            f" something else has changed: {'; '.join(changes)}; {remedy}"
        )
    free: dict[str, Any] = {name: getattr(wanted.spec, name) for name in _FREE}
    spec = kept.spec.model_copy(update={**free, "trials": wanted.spec.trials, "space": wanted.spec.space})
    return kept.model_copy(update={"spec": spec})


def with_trials(kept: Experiment, trials: int | None) -> Experiment:
    """Return the record of a kept experiment with more trials to come, where a number is given.

    Raises:
        SweepError: It has, or is to have, more than that already.
    """
    if trials is None:
        return kept
    before = kept.spec.trials
    if type(trials) is not int or before is None or trials < before:
        was = "as many as its samples or its time give" if before is None else str(before)
        raise SweepError(
            f"a sweep goes on with as many trials as it had, or with more, and {kept.metadata.name!r} has {was}, not"
            f" {trials!r}; {'leave trials out' if before is None else f'give a number from {before} on'}"
        )
    return kept.model_copy(update={"spec": kept.spec.model_copy(update={"trials": trials})})


def notice_of_code(kept: Experiment, wanted: Experiment) -> str:
    """Return what the user should know where the function's code is another than the sweep began with, or ""."""
    before, now = kept.spec.payload, wanted.spec.payload
    if before is None or now is None or before.digest == now.digest:
        return ""
    return "the code has changed since the sweep began, and its trials go on with the code that it began with"


def _changes(kept: ExperimentSpec, wanted: ExperimentSpec, *, is_seeded: bool, extend: bool) -> Iterator[str]:
    before, after = Space.from_declarative(kept.space), Space.from_declarative(wanted.space)
    yield from losses(before, after) if extend else differences(before, after)
    for name in _FIXED:
        old, new = getattr(kept, name), getattr(wanted, name)
        if old != new:
            yield f"{name} was {_shown(old)}, and is now {_shown(new)}"
    if is_seeded and kept.seed != wanted.seed:
        yield f"seed was {kept.seed}, and is now {wanted.seed}"
    if wanted.trials is not None and (kept.trials is None or wanted.trials < kept.trials):
        was = "without a limit" if kept.trials is None else f"{kept.trials}"
        yield f"trials was {was}, and is now {wanted.trials}"


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    if hasattr(value, "model_dump"):
        return ", ".join(f"{key}={each}" for key, each in value.model_dump(exclude_none=True).items() if each != {})
    return repr(value)
