"""The trials of an experiment: a sequence that filters, ranks and tabulates itself."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, overload

from expsdk.analysis.cards import results_card
from expsdk.analysis.dominance import Point, pareto_front
from expsdk.analysis.rows import csv_text, json_text, write_text
from expsdk.analysis.table import text_table
from expsdk.analysis.trial import TrialRecord
from expsdk.analysis.words import counts_by_phase
from expsdk.errors import NoBestTrial, ResultsError, TrialNotFound
from expsdk.resources.experiment import Experiment
from expsdk.resources.names import trial_name
from expsdk.resources.words import count_of, in_one_line
from expsdk.space import Space
from expsdk.spelling import suggest
from expsdk_runtime.contract import Phase

if TYPE_CHECKING:
    import pandas

    from expsdk.analysis.plots import Plots

SHOWN = 10


class Results(Sequence[TrialRecord]):
    """The trials of an experiment by number, as their records were when they were read.

    Attributes:
        experiment: The experiment's record: `experiment.spec` is what was asked, `experiment.status` how it went.
        location: Where the experiment is kept.
    """

    def __init__(self, experiment: Experiment, trials: Iterable[TrialRecord], *, location: str) -> None:
        self.experiment = experiment
        self.location = location
        self._trials = tuple(trials)

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.experiment.metadata.name

    @property
    def counts(self) -> dict[str, int]:
        """Number of trials by phase."""
        counted = Counter(trial.phase for trial in self)
        return {phase: counted[phase] for phase in Phase.ALL if counted[phase]}

    @property
    def best(self) -> TrialRecord:
        """The succeeded trial with the best last value of the objective; of equal ones the first.

        Trials that violate constraints are passed over.

        Raises:
            NoBestTrial: No trial has succeeded with a value, or there are several objectives.
        """
        return self._ranked(1)[0]

    @property
    def pareto(self) -> Results:
        """The succeeded trials that no other is better than by all objectives together, by number.

        A trial is on this front when no other is at least as good by each objective and better by one. Trials that
        violate constraints or lack a value are not. With one objective these are the best, and those equal to it.
        """
        valued = self._valued()
        return self.only(valued[index][1] for index in pareto_front([point for point, _ in valued]))

    def top(self, count: int) -> Results:
        """Return the succeeded trials with the best values, best first, at most `count`; empty where none has one.

        Trials that violate constraints are passed over.

        Raises:
            NoBestTrial: There are several objectives.
            ResultsError: `count` is no whole number.
        """
        if not _is_count(count):
            raise ResultsError(f"top takes how many trials, not {count!r}; write a whole number such as top(5)")
        return self.only(self._ranked(count, may_be_empty=True))

    def filter(self, *, phase: str | Iterable[str]) -> Results:
        """Return the trials of a phase, or of several.

        Raises:
            ResultsError: There is no such phase.
        """
        phases = {phase} if isinstance(phase, str) else set(phase)
        unknown = sorted(map(repr, phases - set(Phase.ALL)))
        if unknown:
            raise ResultsError(f"a phase is one of {', '.join(Phase.ALL)}, not {', '.join(unknown)}; write one of them")
        return self.only(trial for trial in self if trial.phase in phases)

    def where(self, condition: str) -> Results:
        """Return the trials for which a condition is true, such as `lr < 0.01 and phase == "Failed"`.

        Its names are parameters, metrics (their last values), and facts such as phase, reason, number and epoch;
        `expsdk.analysis.where` tells all of it.

        Raises:
            ResultsError: It is no condition, or no trial has what it names.
        """
        from expsdk.analysis.where import matching

        places = matching(condition, [trial.to_dict() for trial in self], names=self._possible_names())
        return self.only(self._trials[place] for place in places)

    def sort_by(self, name: str) -> Results:
        """Return the trials by a value, smallest first, or largest first with "-" before its name: `-val_loss`.

        Those without a value come last. Names are those of `where`.

        Raises:
            ResultsError: No trial has anything of that name.
        """
        from expsdk.analysis.naming import find_name, names_of
        from expsdk.analysis.order import in_order

        rows = {trial.name: trial.to_dict() for trial in self}
        full = find_name(name.removeprefix("-"), [*names_of(rows.values()), *self._possible_names()])
        ordered = in_order(self._trials, lambda trial: rows[trial.name].get(full), descending=name.startswith("-"))
        return self.only(ordered)

    @overload
    def __getitem__(self, key: int | str) -> TrialRecord: ...
    @overload
    def __getitem__(self, key: slice) -> Results: ...
    def __getitem__(self, key: int | str | slice) -> TrialRecord | Results:
        """Return a trial by its place or its name, or those of a slice.

        Raises:
            TrialNotFound: There is no trial of that name.
            IndexError: There is no trial at that place.
        """
        if isinstance(key, slice):
            return self.only(self._trials[key])
        if isinstance(key, str):
            return self._named(key)
        return self._trials[key]

    def __len__(self) -> int:
        return len(self._trials)

    def __iter__(self) -> Iterator[TrialRecord]:
        return iter(self._trials)

    @cached_property
    def plot(self) -> Plots:
        """Figures: `results.plot.history()`, `curves()`, `parallel()`, `importance()`, `slice()`, `contour()`,
        `pareto()` and `timeline()`, with plotly or matplotlib.
        """  # noqa: D205
        from expsdk.analysis.plots import Plots  # only who draws needs it

        return Plots(self)

    def to_dataframe(self) -> pandas.DataFrame:
        """Return a pandas DataFrame with a row for each trial, indexed by name.

        Columns are those of `TrialRecord.to_dict`, where any trial has them: number, phase, reason, `parameters.…`,
        `metrics.…` (last values), `constraints.…`, epoch, started, ended, duration_s, attempt, seed, error, output_dir,
        `provenance.…`. Whole numbers that some trials lack are pandas' nullable ones; so are true and false.

        Raises:
            ResultsError: pandas is not installed.
        """
        from expsdk.analysis.frames import trials_frame  # pandas is slow to import, and not always there

        return trials_frame(self)

    def history_dataframe(self) -> pandas.DataFrame:
        """Return a pandas DataFrame with a row for each point of each metric's history, trial by trial.

        Columns: trial (name), number (of the trial), metric, epoch, value. The record of a long history is thinned: its
        first, last and best point are always there.

        Raises:
            ResultsError: pandas is not installed.
        """
        from expsdk.analysis.frames import history_frame

        return history_frame(self)

    @overload
    def to_csv(self, path: None = None) -> str: ...
    @overload
    def to_csv(self, path: str | os.PathLike[str]) -> None: ...
    def to_csv(self, path: str | os.PathLike[str] | None = None) -> str | None:
        """Write a CSV file with a header and a line for each trial, or return it where no path is given.

        Columns are those of `to_dataframe`. What is not there is an empty cell; lists, mappings, true and false are as
        in JSON, NaN and the infinities "NaN", "Infinity" and "-Infinity", times RFC 3339.

        Raises:
            ResultsError: The file cannot be written.
        """
        return _told(csv_text(self), path)

    @overload
    def to_json(self, path: None = None, *, indent: int | None = None) -> str: ...
    @overload
    def to_json(self, path: str | os.PathLike[str], *, indent: int | None = None) -> None: ...
    def to_json(self, path: str | os.PathLike[str] | None = None, *, indent: int | None = None) -> str | None:
        """Write a JSON file with an object for each trial in a list, or return it where no path is given.

        Keys are the columns of `to_dataframe` that the trial has. NaN and the infinities are the strings "NaN",
        "Infinity" and "-Infinity", times RFC 3339.

        Raises:
            ResultsError: The file cannot be written.
        """
        return _told(json_text(self, indent=indent), path)

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Write a Parquet file of `to_dataframe`; parameters that are not all of one type are JSON in it.

        Raises:
            ResultsError: pandas or pyarrow is not installed, or the file cannot be written.
        """
        from expsdk.analysis.frames import write_parquet

        write_parquet(self, path)

    def __repr__(self) -> str:
        return f"<Results of {self.name}: {self.headline}>"

    def __str__(self) -> str:
        shown = self._shown()
        return "\n".join([self._caption(shown), *text_table(shown), f"kept in {self.location}"])

    def _repr_html_(self) -> str:
        shown = self._shown()
        return results_card(self, shown, caption=self._caption(shown).removeprefix(f"{self.name}: "))

    def _caption(self, shown: Sequence[TrialRecord]) -> str:
        caption = f"{self.name}: {self.headline}"
        if len(shown) == len(self):
            return caption
        return f"{caption}, the {'first' if shown == self._trials[:SHOWN] else 'best'} {len(shown)}:"

    @property
    def headline(self) -> str:
        """How many trials there are, and how many in each phase, in words."""
        counts = counts_by_phase(self.counts) or "none has begun"
        return f"{count_of(len(self), 'trial')} ({counts})"

    def _possible_names(self) -> list[str]:
        """Return the names of all parameters and objectives, as rows have them, though no trial may have one yet."""
        space = Space.from_declarative(self.experiment.spec.space)
        objectives = [f"metrics.{objective.metric}" for objective in self.experiment.spec.objectives]
        return [*(f"parameters.{name}" for name in space.names), *objectives]

    def _shown(self) -> Sequence[TrialRecord]:
        """Return the trials worth showing: the best ones, or the first where none has a value."""
        best = self._ranked(SHOWN, may_be_empty=True) if len(self.experiment.spec.objectives) == 1 else []
        return tuple(best) or self._trials[:SHOWN]

    def _ranked(self, count: int, *, may_be_empty: bool = False) -> list[TrialRecord]:
        objectives = self.experiment.spec.objectives
        if len(objectives) > 1:
            names = ", ".join(objective.metric for objective in objectives)
            raise NoBestTrial(
                f"the best trial is that of a single objective, and {self.name} has several ({names}); see"
                " results.pareto, or sort the trials by the one you mean, for example"
                " sorted(results, key=lambda trial: trial.values[…])"
            )
        valued = self._valued()
        if not valued and not may_be_empty:
            raise NoBestTrial(self._why_no_best(objectives[0].metric))
        return [trial for _, trial in sorted(valued, key=lambda pair: pair[0])[:count]]

    def _valued(self) -> list[tuple[Point, TrialRecord]]:
        """Return the feasible trials that have succeeded with values, each after these: smaller ones are better."""
        signs = {
            objective.metric: 1 if objective.direction == "minimize" else -1
            for objective in self.experiment.spec.objectives
        }
        points = [
            (tuple(sign * trial.values.get(metric, math.nan) for metric, sign in signs.items()), trial)
            for trial in self
            if trial.phase == Phase.SUCCEEDED and trial.is_feasible
        ]
        return [(point, trial) for point, trial in points if not any(map(math.isnan, point))]

    def _why_no_best(self, metric: str) -> str:
        failed = next((trial for trial in self if trial.error), None)
        why = f"; {failed.name} failed: {in_one_line(failed.error)}" if failed else ""
        violating = sum(trial.phase == Phase.SUCCEEDED and not trial.is_feasible for trial in self)
        why += f"; {count_of(violating, 'trial')} violated constraints" if violating else ""
        return f"the best trial has succeeded with a value of {metric!r}, and of {self.headline} none has{why}"

    def _named(self, name: str) -> TrialRecord:
        for trial in self:
            if trial.name == name:
                return trial
        names = [trial.name for trial in self]
        full = next((full for full in names if full.endswith(f"-{name}")), name)
        remedy = suggest(full, names, otherwise=f"names look like {trial_name(self.name, 3)!r}")
        raise TrialNotFound(f"{self.name} has {count_of(len(self), 'trial')}, and none is named {name!r}; {remedy}")

    def only(self, trials: Iterable[TrialRecord]) -> Results:
        """Return results of the same experiment with these trials alone."""
        return Results(self.experiment, trials, location=self.location)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _told(text: str, path: str | os.PathLike[str] | None) -> str | None:
    """Return the text, or write it where there is a path."""
    if path is None:
        return text
    write_text(path, text)
    return None
