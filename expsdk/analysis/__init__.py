"""Results of an experiment: its trials, read from their records, to filter, rank, tabulate and show.

Whatever a backend keeps can be read while a sweep runs; nothing here writes.
"""

from expsdk.analysis.results import Results
from expsdk.analysis.trial import MetricHistory, TrialRecord

__all__ = ["MetricHistory", "Results", "TrialRecord"]
