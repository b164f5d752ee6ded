"""Studies that mirror experiments: what Optuna reads, written by nobody but us.

Optuna's own storage in memory would copy every trial as it comes and as it goes, and number them anew.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import optuna
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy  # what a storage returns; Optuna exports it nowhere else
from optuna.trial import FrozenTrial, TrialState

from expsdk.errors import ResultsError
from expsdk.samplers.quiet import quiet

if TYPE_CHECKING:
    from expsdk.analysis.study import Translator
    from expsdk.analysis.trial import TrialRecord

IDS_PER_STUDY = 10_000_000


@dataclass
class _Study:
    id: int
    name: str
    directions: list[StudyDirection]
    system_attrs: dict[str, Any]
    trials: dict[int, FrozenTrial] = field(default_factory=dict)  # by ID


class Mirror(BaseStorage):
    """Studies by name, to be read by several threads while one thread puts trials in."""

    def __init__(self) -> None:
        self._studies: dict[int, _Study] = {}

    def put(self, name: str, translator: Translator, trials: Iterable[TrialRecord]) -> None:
        """Have a study of this name hold these trials; those that it holds already are replaced.

        Args:
            name: The study's name.
            translator: Translates the trials.
            trials: All of the experiment's trials, or those that have changed.
        """
        first = (self._by_name(name) or self._new(name, translator)).id * IDS_PER_STUDY
        self.hold(name, translator, [translator.frozen(trial, first_id=first) for trial in trials])

    def hold(self, name: str, translator: Translator, trials: Iterable[FrozenTrial]) -> None:
        """Have a study hold these trials of Optuna's, whose IDs are unique in the mirror; otherwise as `put`."""
        study = self._by_name(name) or self._new(name, translator)
        # Replaced as a whole: a reader that goes through the former mapping is not disturbed.
        study.trials = dict(sorted({**study.trials, **{trial._trial_id: trial for trial in trials}}.items()))
        self._studies = {**self._studies, study.id: study}

    def study(self, name: str) -> optuna.Study:
        """Return a study by name."""
        with quiet():
            return optuna.load_study(study_name=name, storage=self)

    def get_study_id_from_name(self, study_name: str) -> int:
        """Return a study's ID; raises `KeyError`."""
        study = self._by_name(study_name)
        if study is None:
            raise KeyError(study_name)
        return study.id

    def get_study_name_from_id(self, study_id: int) -> str:
        """Return a study's name; raises `KeyError`."""
        return self._studies[study_id].name

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """Return a study's directions."""
        return self._studies[study_id].directions

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """Return nothing: no study has such attributes."""
        assert study_id in self._studies
        return {}

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """Return the attributes of Optuna's own: the objectives' names."""
        return self._studies[study_id].system_attrs

    def get_all_studies(self) -> list[FrozenStudy]:
        """Return all studies."""
        return [
            FrozenStudy(
                study_name=study.name,
                direction=None,
                directions=study.directions,
                user_attrs={},
                system_attrs=study.system_attrs,
                study_id=study.id,
            )
            for study in self._studies.values()
        ]

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Return a trial by its ID; raises `KeyError`."""
        return self._studies[trial_id // IDS_PER_STUDY].trials[trial_id]

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,  # noqa: ARG002, FBT001, FBT002 - Optuna's signature
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """Return a study's trials by number, never copied: whoever reads them does not write to them."""
        trials = self._studies[study_id].trials.values()
        return [trial for trial in trials if states is None or trial.state in states]

    def _new(self, name: str, translator: Translator) -> _Study:
        return _Study(
            id=len(self._studies),
            name=name,
            directions=[StudyDirection[direction.upper()] for direction in translator.directions],
            system_attrs={"study:metric_names": list(translator.metrics)},  # as Study.set_metric_names has it
        )

    def _by_name(self, name: str) -> _Study | None:
        return next((study for study in self._studies.values() if study.name == name), None)

    def _refuse(self, *_args: Any, **_options: Any) -> NoReturn:
        raise ResultsError(
            "a study made from results mirrors them and is only read; run a sweep to add trials, or copy it into one of"
            " your own: optuna.create_study(…).add_trials(study.trials)"
        )

    create_new_study = delete_study = set_study_user_attr = set_study_system_attr = _refuse
    create_new_trial = set_trial_param = set_trial_state_values = set_trial_intermediate_value = _refuse
    set_trial_user_attr = set_trial_system_attr = _refuse
