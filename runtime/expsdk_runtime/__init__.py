"""The job's half of expsdk: bootstrap, the running trial, its metrics and its reports.

Standard library only, and nothing here imports expsdk: this package travels in every payload and runs
in images that have a Python interpreter and nothing of ours. What belongs here is what happens inside a
job; what prepares, launches or watches jobs belongs to expsdk.
"""

from expsdk_runtime.tracking import (
    Trial,
    TrialStopped,
    checkpoint_dir,
    current_trial,
    log_metric,
    log_metrics,
    output_dir,
)

__all__ = [
    "Trial",
    "TrialStopped",
    "checkpoint_dir",
    "current_trial",
    "log_metric",
    "log_metrics",
    "output_dir",
]
