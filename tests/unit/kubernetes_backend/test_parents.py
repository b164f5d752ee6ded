"""What trials need that begin with the checkpoints of others."""

from __future__ import annotations

import pytest

from expsdk.backends.kubernetes.options import JobOptions
from expsdk.backends.kubernetes.parents import check_checkpoints_outlive
from expsdk.errors import OptionError


def test_checkpoints_outlive_their_trial_on_a_volume_only() -> None:
    check_checkpoints_outlive(JobOptions(output="results"), sampler="pbt")
    with pytest.raises(OptionError) as caught:
        check_checkpoints_outlive(JobOptions(), sampler="pbt")
    assert str(caught.value) == (
        "sampler 'pbt' lets trials go on from the checkpoints of others, and without an output volume those go with"
        " their pod: give output='CLAIM', the name of a PersistentVolumeClaim that all of the trials' nodes can mount"
    )
