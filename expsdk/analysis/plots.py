"""Figures of results: `results.plot.history()` and its like, through Optuna's visualisation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from expsdk.analysis.drawing import Captions, Drawing, drawing_of
from expsdk.analysis.study import make_study, translator_of
from expsdk.analysis.targets import Target, check_metric, check_parameters, check_valued, spread, target_of
from expsdk.errors import ResultsError
from expsdk.samplers.quiet import quiet
from expsdk_runtime.contract import Phase

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from expsdk.analysis.results import Results
    from expsdk.analysis.trial import TrialRecord

CURVES, LINES, POINTS, BARS = 100, 500, 300, 1_000
"""How many trials a figure has room for: of curves, of parallel lines, of a map's points, and of a timeline."""
FEW = 100
"""Of fewer trials, PED-ANOVA's best tenth says little."""


class Plots:
    """Draws the trials.

    Each figure is plotly's (`figure.show()`, `figure.write_html("figure.html")`) or matplotlib's
    (`figure.savefig("figure.png")`): `library="plotly"` or `library="matplotlib"`; unless told, plotly where it is
    installed. A notebook shows it by itself. Where there is no room for all trials the title says how many are shown.
    """

    def __init__(self, results: Results) -> None:
        self._results = results
        self._translator = translator_of(results, curve="")

    @cached_property
    def _frozen(self) -> dict[int, FrozenTrial]:
        """Every trial by number, without its curve: most figures have no use for it."""
        return {trial.number: self._translator.frozen(trial) for trial in self._results}

    def history(self, *, target: str | None = None, library: str | None = None) -> Any:
        """Draw each trial's value by its number, with the best so far.

        Args:
            target: The metric; needed where there are several objectives.
            library: "plotly" or "matplotlib".

        Raises:
            ResultsError: No trial has succeeded, there is no such metric, or the library is not installed.
        """
        drawing, aim = self._prepare("history", target, library)
        check_valued(self._results, aim)
        captions = self._captions(f"{aim.metric} by trial", x="trial", y=aim.metric)
        return drawing.draw("optimization_history", self._study(), captions, target=aim.of, target_name=aim.metric)

    def curves(self, *, metric: str | None = None, top: int | None = None, library: str | None = None) -> Any:
        """Draw a metric by epoch, a line for each trial that has succeeded, was pruned or runs; the best one is bold.

        Args:
            metric: The metric; the first objective unless told.
            top: Only so many trials, the best.
            library: "plotly" or "matplotlib".

        Raises:
            ResultsError: No trial has logged the metric, or the library is not installed.
        """
        drawing = drawing_of(library)
        if top is not None and (type(top) is not int or top < 1):
            raise ResultsError(f"curves are drawn of the best trials, at least 1, not top={top!r}; write top=5")
        metric = metric or self._results.experiment.spec.objectives[0].metric
        check_metric(self._results, metric)
        aim = target_of(self._results, metric, who="results.plot.curves")
        shown = {Phase.SUCCEEDED, Phase.PRUNED, Phase.RUNNING}
        trials = [trial for trial in self._results if trial.phase in shown and trial.history.get(metric)]
        if not trials:
            raise ResultsError(
                f"curves need a trial with epochs of {metric!r}, and of {self._results.headline} none has any; call"
                " log_metric in the function, and wait for its first epoch"
            )
        ranked = sorted(trials, key=aim.badness)
        kept = spread(trials, aim, CURVES) if top is None else ranked[:top]
        how = _share(kept, trials, which="" if top is None else "best")
        captions = self._captions(f"{metric} by epoch", how, x="epoch", y=metric)
        return drawing.curves(make_study(self._results.only(kept), curve=metric), captions, best=ranked[0].number)

    def parallel(
        self, *, params: Sequence[str] | None = None, target: str | None = None, library: str | None = None
    ) -> Any:
        """Draw each trial as a line across its parameters, coloured by its value.

        Args:
            params: The parameters; unless told, those that every trial has. Trials that lack one are left out.
            target: The metric; needed where there are several objectives.
            library: "plotly" or "matplotlib".

        Raises:
            ResultsError: No trial has succeeded, there is no such metric or parameter, or the library is not installed.
        """
        drawing, aim = self._prepare("parallel", target, library)
        valued = check_valued(self._results, aim)
        frozen = {trial.number: set(trial.params) for trial in self._study(valued).trials}
        names = self._parameters(params) or [
            name for name in self._translator.parameters if all(name in has for has in frozen.values())
        ]
        having = [trial for trial in valued if frozen[trial.number].issuperset(names)]
        if not names or not having:
            raise ResultsError(
                f"a line goes through parameters that one trial has together, and no trial of {self._results.name} has"
                f" {', '.join(names) or 'any that all have'}; name others: results.plot.parallel(params=[…])"
            )
        kept = spread(having, aim, LINES)
        captions = self._captions(f"{aim.metric} by parameters", _share(kept, having))
        options = {"params": names, "target": aim.of, "target_name": aim.metric}
        return drawing.draw("parallel_coordinate", self._study(kept), captions, **options)

    def importance(
        self, *, params: Sequence[str] | None = None, target: str | None = None, library: str | None = None
    ) -> Any:
        """Draw how much each parameter matters: by fANOVA, and by PED-ANOVA where there are 100 trials or more.

        Args:
            params: The parameters; all of them unless told.
            target: The metric; needed where there are several objectives.
            library: "plotly" or "matplotlib".

        Raises:
            ResultsError: Fewer than two trials have succeeded, there is no such metric or parameter, or the library is
                not installed.
        """
        drawing, aim = self._prepare("importance", target, library)
        names = self._parameters(params)
        valued = check_valued(self._results, aim, least=2)
        with quiet():
            evaluator, how = _evaluator(len(valued))
        captions = self._captions(f"which parameters matter for {aim.metric}", how, x="importance", y="parameter")
        options = {"params": names, "target": aim.of, "target_name": aim.metric, "evaluator": evaluator}
        return drawing.draw("param_importances", self._study(), captions, **options)

    def slice(
        self, *, params: Sequence[str] | None = None, target: str | None = None, library: str | None = None
    ) -> Any:
        """Draw each trial's value by each parameter.

        Args:
            params: The parameters; all of them unless told.
            target: The metric; needed where there are several objectives.
            library: "plotly" or "matplotlib".

        Raises:
            ResultsError: No trial has succeeded, there is no such metric or parameter, or the library is not installed.
        """
        drawing, aim = self._prepare("slice", target, library)
        valued = check_valued(self._results, aim)
        names = self._parameters(params) or self._seen(valued)
        captions = self._captions(f"{aim.metric} by parameter")
        options = {"params": names, "target": aim.of, "target_name": aim.metric}
        return drawing.draw("slice", self._study(), captions, **options)

    def contour(
        self, *, params: Sequence[str] | None = None, target: str | None = None, library: str | None = None
    ) -> Any:
        """Draw a map of the values over two parameters, or over each pair of several.

        Args:
            params: The parameters, two or more; unless told, the two that matter most.
            target: The metric; needed where there are several objectives.
            library: "plotly" or "matplotlib".

        Raises:
            ResultsError: Fewer than two trials have succeeded, there is no such metric or parameter, only one parameter
                is searched, or the library is not installed.
        """
        drawing, aim = self._prepare("contour", target, library)
        names = self._parameters(params)
        valued = check_valued(self._results, aim, least=2)
        if names is None and len(self._translator.parameters) > 1:
            names = self._most_important(aim, self._seen(valued), of=len(valued))
        if len(names or ()) < 2:
            got = ", ".join(names or self._translator.parameters) or "none"
            raise ResultsError(
                f"a contour needs two parameters, and got {got}; see results.plot.slice() for one, or name two:"
                " results.plot.contour(params=[…, …])"
            )
        kept = spread(valued, aim, POINTS)
        captions = self._captions(f"{aim.metric} by parameters", _share(kept, valued))
        options = {"params": names, "target": aim.of, "target_name": aim.metric}
        return drawing.draw("contour", self._study(kept), captions, **options)

    def pareto(self, *, targets: Sequence[str] | None = None, library: str | None = None) -> Any:
        """Draw the trials by two objectives, or three, with those that no other is better than marked.

        Args:
            targets: The objectives, two or three; all of them unless told.
            library: "plotly" or "matplotlib".

        Raises:
            ResultsError: There are not two objectives or three, no trial has succeeded, or the library is not
                installed.
        """
        drawing = drawing_of(library)
        objectives = [objective.metric for objective in self._results.experiment.spec.objectives]
        names = objectives if targets is None else list(targets)
        if not 2 <= len(names) <= 3 or not set(names) <= set(objectives):
            remedy = "see results.plot.history()" if len(objectives) == 1 else "name some: targets=[…, …]"
            raise ResultsError(
                f"a Pareto front is drawn of two or three objectives, {self._results.name} has {', '.join(objectives)},"
                f" and got {', '.join(names)}; {remedy}"
            )
        for name in names:
            check_valued(self._results, target_of(self._results, name, who="results.plot.pareto"))
        places = [objectives.index(name) for name in names]
        captions = self._captions(" and ".join(names))
        chosen = {} if names == objectives else {"targets": lambda trial: [trial.values[place] for place in places]}
        return drawing.draw("pareto_front", self._study(), captions, target_names=names, **chosen)

    def timeline(self, *, library: str | None = None) -> Any:
        """Draw when each trial ran, coloured by how it ended.

        Args:
            library: "plotly" or "matplotlib".

        Raises:
            ResultsError: No trial has begun, or the library is not installed.
        """
        drawing = drawing_of(library)
        begun = [trial for trial in self._results if trial.started is not None]
        if not begun:
            raise ResultsError(
                f"a timeline needs a trial that has begun, and of {self._results.headline} none has; wait for the first"
            )
        kept = begun[-BARS:]
        captions = self._captions("when trials ran", _share(kept, begun, which="last"), x="time", y="trial")
        return drawing.timeline(self._study(kept), captions)

    def _prepare(self, name: str, target: str | None, library: str | None) -> tuple[Drawing, Target]:
        return drawing_of(library), target_of(self._results, target, who=f"results.plot.{name}")

    def _study(self, trials: Sequence[TrialRecord] | None = None) -> optuna.Study:
        """Return a study of some trials, or of all."""
        from expsdk.analysis.mirror import Mirror  # which loads optuna

        mirror = Mirror()
        shown = self._results if trials is None else trials
        mirror.hold(self._results.name, self._translator, [self._frozen[trial.number] for trial in shown])
        return mirror.study(self._results.name)

    def _parameters(self, given: Sequence[str] | None) -> list[str] | None:
        return check_parameters(self._results, given, self._translator.parameters)

    def _seen(self, trials: Sequence[TrialRecord]) -> list[str]:
        """Return the parameters that one of these trials has: a branch may have been taken by failed ones only."""
        seen = {name for trial in trials for name in self._frozen[trial.number].params}
        return [name for name in self._translator.parameters if name in seen]

    def _most_important(self, aim: Target, names: list[str], *, of: int) -> list[str]:
        import optuna

        if len(names) < 3:
            return names
        with quiet():
            evaluator, _ = _evaluator(of)
            ranked = optuna.importance.get_param_importances(
                self._study(), evaluator=evaluator, params=names, target=aim.of
            )
        return list(ranked)[:2]

    def _captions(self, what: str, how: str = "", *, x: str | None = None, y: str | None = None) -> Captions:
        return Captions(title=f"{self._results.name}: {what}", subtitle=how, x=x, y=y)


def _share(kept: Sequence[TrialRecord], trials: Sequence[TrialRecord], *, which: str = "") -> str:
    """Return how many of the trials are shown; "" where all are."""
    if len(kept) == len(trials):
        return ""
    share = f"{len(kept):,} of {len(trials):,} trials"
    return f"the {which} {share}" if which else f"{share}, evenly from best to worst"


def _evaluator(trials: int) -> tuple[optuna.importance.BaseImportanceEvaluator, str]:
    """Return what tells importances from so many trials, and its name."""
    from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator

    if trials < FEW:
        return FanovaImportanceEvaluator(seed=0), "by fANOVA"
    return PedAnovaImportanceEvaluator(), "by PED-ANOVA, for the best tenth of the trials"
