"""A sweep: one launch of an experiment over many samples."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any, Literal, NoReturn, overload

from expsdk.analysis.results import Results
from expsdk.backends.base import Backend
from expsdk.backends.registry import make_backend
from expsdk.errors import BackendError, ExperimentExists, ExperimentNotFound, PackingError, SweepError
from expsdk.experiment.definition import Definition
from expsdk.packaging.payload import Payload, pack
from expsdk.resources.experiment import Experiment
from expsdk.sweep.attach import AttachedSweep, attach
from expsdk.sweep.conduct import make_conductor
from expsdk.sweep.display.mode import choose_progress
from expsdk.sweep.own import pack_own
from expsdk.sweep.plan import Plan, draw_name
from expsdk.sweep.record import new_experiment, with_beginning
from expsdk.sweep.resuming import EXTEND, check_resume, notice_of_code, taken_up


class Sweep:
    """A sweep that is ready to run; made by `Experiment.sweep`."""

    def __init__(self, definition: Definition, plan: Plan) -> None:
        self._definition = definition
        self._plan = plan

    @overload
    def run(
        self,
        backend: str = ...,
        *,
        resume: bool | str = ...,
        detach: Literal[False] = ...,
        progress: bool | str = ...,
        **options: Any,
    ) -> Results: ...

    @overload
    def run(
        self,
        backend: str = ...,
        *,
        resume: bool | str = ...,
        detach: Literal[True] | Mapping[str, Any],
        progress: bool | str = ...,
        **options: Any,
    ) -> AttachedSweep: ...

    def run(
        self,
        backend: str = "local",
        *,
        resume: bool | str = False,
        detach: bool | Mapping[str, Any] = False,
        progress: bool | str = True,
        **options: Any,
    ) -> Results | AttachedSweep:
        """Run the sweep to its end and return its results.

        Ctrl-C once launches no more trials, asks the running ones to stop and returns what there is; twice kills
        them and raises KeyboardInterrupt. However it ends, `resume=True` goes on with it.

        Args:
            backend: Where trials run: "local", each a process of this machine; "kubernetes", each a Job of a cluster;
                "debug", in this very process.
            resume: Whether to go on with the experiment of this sweep's name where it is there already: trials that
                have ended are not run again, and those that run are adopted. "extend" does so in a space that may be
                larger than before.
            detach: Whether to leave the sweep to a coordinator in the cluster and return at once what looks on. A
                mapping gives that coordinator's "image", "pull_policy", "env" and "resources".
            progress: Whether to show on standard error how the sweep goes: a picture on a terminal, a line per event
                elsewhere and where NO_COLOR or CI is set. "live" and "plain" choose one of them, as EXPSDK_PROGRESS
                does in the environment, where "quiet" shows nothing.
            options: The backend's own: "local" and "debug" take `root`, the directory that holds the experiments;
                "debug" takes `post_mortem`; "kubernetes" takes `namespace`, `context`, `kubeconfig`, the fields of
                `expsdk.backends.kubernetes.options.JobOptions` and the times that
                `expsdk.backends.kubernetes.backend.KubernetesBackend` names.

        Raises:
            ExperimentExists: The experiment's name is taken.
            SweepError: What is resumed is another sweep, or is to be detached; or the sampler, the pruner or the
                constraints have raised an exception.
            PackingError: Something that the function uses cannot travel to its jobs.
            OptionError: There is no such `progress`.
            BackendError: The backend is unknown or cannot do its work: the function does not load, the disk is full.
            KeyboardInterrupt: Ctrl-C was pressed twice.
        """
        how, shown = check_resume(resume), choose_progress(progress)
        if how and self._plan.name is None:
            raise SweepError(
                "resume goes on with an experiment by its name, and this sweep has none; give sweep(name=…)"
            )
        name = self._plan.name or draw_name(self._definition.name)
        with closing(make_backend(backend, **options)) as place:
            payload = pack(self._definition)
            own, notice = self._pack_own(must=bool(detach))
            wanted = new_experiment(self._definition, self._plan, payload, name=name, own=own)
            if how:
                with suppress(ExperimentNotFound):
                    if detach:
                        self._refuse_to_detach(place.records.experiment(name))
                    return self._go_on(place, wanted, payload, own, extend=how == EXTEND, progress=shown)
            conductor = make_conductor(self._plan, wanted, space=self._definition.space, place=place)
            if detach:
                self._detach(place, wanted, payload, own, {} if detach is True else dict(detach))
                return attach(name, backend=backend, **options)
            try:
                place.create(wanted, payload, plan=own)
            except ExperimentExists:
                if not how:
                    raise
                # Somebody else has created it a moment ago, and most likely drives it.
                return self._go_on(place, wanted, payload, own, extend=how == EXTEND, progress=shown)
            return conductor.conduct(place, wanted, [], progress=shown, notice=notice)

    def _go_on(
        self, place: Backend, wanted: Experiment, payload: Payload, own: Payload | None, *, extend: bool, progress: str
    ) -> Results:
        """Go on with the experiment of this name; raises `ExperimentNotFound` where there is none."""
        kept = place.records.experiment(wanted.metadata.name)
        record = with_beginning(taken_up(kept, wanted, is_seeded=self._plan.is_seeded, extend=extend))
        plan = replace(self._plan, seed=record.spec.seed)
        conductor = make_conductor(plan, record, space=self._definition.space, place=place)
        found = place.resume(record, payload if _is_kept(payload, record) else None, plan=own)
        return conductor.conduct(place, record, found, progress=progress, notice=notice_of_code(kept, wanted))

    def _pack_own(self, *, must: bool) -> tuple[Payload | None, str]:
        """Return the user's own objects packed, where there are any and they can travel, and a notice."""
        try:
            return pack_own(self._definition, self._plan), ""
        except PackingError as error:
            if must:
                raise
            return None, f"only this script can take the sweep up again, since its plan cannot be packed: {error}"

    def _refuse_to_detach(self, kept: Experiment) -> NoReturn:
        raise SweepError(
            f"a sweep is left to a coordinator in the cluster when it begins, and {kept.metadata.name!r} has begun"
            " already; leave detach= out to go on with it from here"
        )

    def _detach(
        self, place: Backend, wanted: Experiment, payload: Payload, own: Payload | None, coordinator: dict[str, Any]
    ) -> None:
        submit = getattr(place, "detach", None)
        if submit is None:
            raise BackendError(
                "a sweep is detached where its trials outlive this process, on backend='kubernetes'; leave detach= out"
            )
        known = ("image", "pull_policy", "env", "resources")
        unknown = [key for key in coordinator if key not in known]
        if unknown:
            raise BackendError(f"detach takes {', '.join(known)} of the coordinator, not {unknown[0]!r}; leave it out")
        submit(wanted, payload, own, **coordinator)

    def __repr__(self) -> str:
        limits = self._plan.limits
        return (
            f"<sweep of {self._definition.label}: trials={limits.trials}, parallelism={limits.parallelism},"
            f" sampler={self._plan.sampler.name!r}, seed={self._plan.seed}>"
        )

    def _repr_html_(self) -> str:
        from expsdk.sweep.cards import sweep_card  # only notebooks need it

        return sweep_card(self._definition, self._plan)


def _is_kept(payload: Payload, record: Experiment) -> bool:
    return record.spec.payload is not None and payload.digest == record.spec.payload.digest
