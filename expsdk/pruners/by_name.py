"""Optuna's pruners by name, with options that JSON can carry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from expsdk.errors import SweepError
from expsdk.pruners.options import REQUIRED, Option, read_options
from expsdk.samplers.quiet import quiet
from expsdk.spelling import suggest

if TYPE_CHECKING:
    import optuna

PRUNER_NAMES = ("asha", "hyperband", "median", "patience", "percentile", "threshold")

_PAUSES = (Option("n_warmup_steps", 0, low=0), Option("interval_steps", 1, low=1))
_COMPARISON = (Option("n_startup_trials", 5, low=0), *_PAUSES, Option("n_min_trials", 1, low=1))
_RUNGS = (Option("min_resource", 1, low=1), Option("reduction_factor", 3, low=2), Option("bootstrap_count", 0, low=0))
_INNER = "pruner"

Options = Mapping[str, Any]


def optuna_pruner(name: str, options: Options, *, epochs: int | None) -> optuna.pruners.BasePruner:
    """Return one of Optuna's pruners.

    Args:
        name: One of `PRUNER_NAMES`.
        options: What it is told; see `expsdk.pruners.make_pruner`.
        epochs: How many epochs a trial runs, where that is known.

    Raises:
        SweepError: The name or an option is unknown, or an option is impossible.
    """
    makers: dict[str, Callable[[Options, int | None], optuna.pruners.BasePruner]] = {
        "asha": _asha,
        "hyperband": _hyperband,
        "median": _median,
        "patience": _patience,
        "percentile": _percentile,
        "threshold": _threshold,
    }
    if name not in makers:
        remedy = suggest(name.lower(), PRUNER_NAMES, otherwise="write one of them, or give an object of your own")
        raise SweepError(f"a pruner is one of {', '.join(PRUNER_NAMES)}, not {name!r}; {remedy}")
    with quiet():  # one of them is experimental, which is Optuna's to change and ours to notice
        return makers[name](options, epochs)


def counts_spent_epochs(name: str, options: Options) -> bool:
    """Return whether a pruner's steps are epochs that have been spent, as rungs count them."""
    if name == "patience" and options.get(_INNER) is not None:
        return counts_spent_epochs(*_inner(options[_INNER]))
    return name in ("asha", "hyperband")


def _median(options: Options, _epochs: int | None) -> optuna.pruners.BasePruner:
    from optuna.pruners import MedianPruner

    return MedianPruner(**read_options("median", _COMPARISON, options))


def _percentile(options: Options, _epochs: int | None) -> optuna.pruners.BasePruner:
    from optuna.pruners import PercentilePruner

    share = Option("percentile", 25.0, low=0, high=100, whole=False)
    return PercentilePruner(**read_options("percentile", (share, *_COMPARISON), options))


def _asha(options: Options, _epochs: int | None) -> optuna.pruners.BasePruner:
    from optuna.pruners import SuccessiveHalvingPruner

    known = (*_RUNGS, Option("min_early_stopping_rate", 0, low=0))
    return SuccessiveHalvingPruner(**read_options("asha", known, options))


def _hyperband(options: Options, epochs: int | None) -> optuna.pruners.BasePruner:
    from optuna.pruners import HyperbandPruner

    known = (*_RUNGS, Option("max_resource", epochs or "auto", low=1, words=("auto",)))
    values = read_options("hyperband", known, options)
    least, most = values["min_resource"], values["max_resource"]
    if most == "auto" and values["bootstrap_count"]:
        raise SweepError(
            "pruner 'hyperband' with bootstrap_count= needs to know how many epochs a trial runs; give max_resource="
        )
    if most != "auto" and most < least:
        raise SweepError(
            f"pruner 'hyperband' takes min_resource= at most as great as max_resource=, the {most} epochs that a trial"
            f" runs, not {least}; give a smaller one"
        )
    return HyperbandPruner(**values)


def _threshold(options: Options, _epochs: int | None) -> optuna.pruners.BasePruner:
    from optuna.pruners import ThresholdPruner

    bounds = (Option("lower", None, whole=False), Option("upper", None, whole=False))
    values = read_options("threshold", (*bounds, *_PAUSES), options)
    lower, upper = values.get("lower"), values.get("upper")
    if lower is None and upper is None:
        raise SweepError("pruner 'threshold' stops what is out of bounds; give lower= or upper=, or both")
    if lower is not None and upper is not None and lower > upper:
        raise SweepError(
            f"pruner 'threshold' takes lower= at most as great as upper=, not {lower!r} and {upper!r}; exchange them"
        )
    return ThresholdPruner(**values)


def _patience(options: Options, epochs: int | None) -> optuna.pruners.BasePruner:
    from optuna.pruners import PatientPruner

    known = (Option("patience", REQUIRED, low=0), Option("min_delta", 0.0, low=0, whole=False))
    values = read_options("patience", known, options, others=(_INNER,))
    if options.get(_INNER) is None:
        return PatientPruner(None, **values)
    name, inner_options = _inner(options[_INNER])
    return PatientPruner(optuna_pruner(name, inner_options, epochs=epochs), **values)


def _inner(pruner: object) -> tuple[str, Options]:
    """Return name and options of the pruner that patience asks too."""
    name, options = pruner, {}
    if isinstance(pruner, Mapping):
        options = {key: value for key, value in pruner.items() if key != "name"}
        name = pruner.get("name")
    if not isinstance(name, str):
        raise SweepError(
            f"pruner 'patience' takes {_INNER}= as the name of another, or a mapping with its name and options, not"
            f" {pruner!r}; write {_INNER}='median' for example"
        )
    return name, options
