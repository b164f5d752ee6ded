"""What `expsdk doctor` finds out: whether this machine, and a cluster, have all that sweeps need.

It reads only, and ends in any case: every check has a time limit, and a server that does not answer is asked no more.
What is found is told as `Finding`s; whoever prints them is a floor above.
"""

from expsdk.diagnosis.examination import examine
from expsdk.diagnosis.finding import Finding, State

__all__ = ["Finding", "State", "examine"]
