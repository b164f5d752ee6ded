"""What trials need that begin with the checkpoints of other trials."""

from __future__ import annotations

from expsdk.backends.kubernetes.options import JobOptions
from expsdk.errors import OptionError
from expsdk.samplers.population import PopulationSampler


def check_checkpoints_outlive(options: JobOptions, *, sampler: str) -> None:
    """Check that a trial's checkpoints are there still when another one is to go on from them.

    Args:
        options: What is asked for the trials.
        sampler: The sampler's name.

    Raises:
        OptionError: They go with their pod.
    """
    if sampler == PopulationSampler.name and options.output is None:
        raise OptionError(
            f"sampler {sampler!r} lets trials go on from the checkpoints of others, and without an output volume those"
            " go with their pod: give output='CLAIM', the name of a PersistentVolumeClaim that all of the trials' nodes"
            " can mount"
        )
