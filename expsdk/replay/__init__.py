"""A trial again on this machine: its sample, seed and code as they were kept, and how it goes against its record.

It touches no record. What runs is the payload, in an interpreter of its own; the job's half of that is
`expsdk_runtime.replay`.
"""

from expsdk.replay.outcome import MetricChange, Outcome
from expsdk.replay.trial import Replay, prepare

__all__ = ["MetricChange", "Outcome", "Replay", "prepare"]
