"""What a sweep can learn from another experiment's trials."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from expsdk.errors import SpaceError, SweepError
from expsdk.samplers.base import TrialOutcome
from expsdk.samplers.outcome import outcome_of
from expsdk.samplers.sameness import on_steps
from expsdk.space import Space
from expsdk_runtime.contract import Phase

if TYPE_CHECKING:
    from expsdk.resources.experiment import Experiment


def lessons(
    experiment: Experiment,
    results: Iterable[Mapping[str, Any]],
    *,
    space: Space,
    objectives: Sequence[tuple[str, str]],
    start: int = -1,
) -> tuple[list[TrialOutcome], list[str]]:
    """Return the trials of another experiment as a sampler of this space may be told them before it is asked.

    Args:
        experiment: The other experiment.
        results: Its Results, as JSON values, by number.
        space: The space of the sweep that learns, as its function has it.
        objectives: Its objectives in their order, each a metric with "minimize" or "maximize".
        start: The number of the first outcome; each further one has the next lower. With several experiments, go on
            from where the last one ended.

    Returns:
        The outcomes, and in words which trials were left out and why.

    Raises:
        SweepError: The experiments have other objectives or directions, or share no parameter.
    """
    _check_objectives(experiment, objectives)
    _check_names(experiment, space)
    outcomes: list[TrialOutcome] = []
    left_out: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for document in results:
        outcome = outcome_of(document, space=space, objectives=[metric for metric, _ in objectives])
        sample = space.with_constants(outcome.parameters)
        why, example = _fault(outcome, sample, space)
        if why:
            left_out[why] += 1
            examples.setdefault(why, example)
            continue
        sample = on_steps(space, space.restore(sample))
        outcomes.append(_renumbered(outcome, start - len(outcomes), sample))
    name = experiment.metadata.name
    words = [f"{_trials(count)} of {name} left out: {why}{examples[why]}" for why, count in left_out.items()]
    return outcomes, words


def _fault(outcome: TrialOutcome, sample: dict[str, Any], space: Space) -> tuple[str, str]:
    """Return why a trial teaches nothing, with an example where that helps; "" if it does."""
    if outcome.phase not in Phase.FINISHED:
        return "not ended yet", ""
    if outcome.phase == Phase.CANCELLED:
        return "cancelled", ""
    if not outcome.is_evidence:
        return "failed by no fault of its own", f" ({outcome.reason})"
    try:
        space.check(sample)
    except SpaceError as error:
        return "outside this space", f" (trial {outcome.number}: {error})"
    return "", ""


def _renumbered(outcome: TrialOutcome, number: int, sample: dict[str, Any]) -> TrialOutcome:
    return replace(outcome, number=number, parameters=sample, parent=None)  # its parent's checkpoints are not here


def _check_objectives(experiment: Experiment, objectives: Sequence[tuple[str, str]]) -> None:
    theirs = {objective.metric: objective.direction for objective in experiment.spec.objectives}
    if theirs != dict(objectives):
        raise SweepError(
            f"a sweep learns from an experiment with the same objectives; {experiment.metadata.name} is to"
            f" {_in_words(theirs.items())}, and this sweep is to {_in_words(objectives)}; leave it out of learn_from"
        )


def _check_names(experiment: Experiment, space: Space) -> None:
    theirs = Space.from_declarative(experiment.spec.space).names
    if not set(theirs) & set(space.names):
        raise SweepError(
            f"a sweep learns from an experiment that has some of its parameters; {experiment.metadata.name} has"
            f" {', '.join(theirs) or 'none'}, and this sweep has {', '.join(space.names) or 'none'}; leave it out of"
            " learn_from"
        )


def _in_words(objectives: Iterable[tuple[str, str]]) -> str:
    return " and ".join(f"{direction} {metric}" for metric, direction in objectives)


def _trials(count: int) -> str:
    return "1 trial" if count == 1 else f"{count} trials"
