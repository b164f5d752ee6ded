"""The coordinator: a pure core that decides, a shell that acts, and what people see meanwhile.

What samples are proposed belongs to the samplers, how trials run to the backends, what came out to the analysis.
"""

from expsdk.sweep.limits import Limits
from expsdk.sweep.plan import Plan, plan_launch, plan_sweep
from expsdk.sweep.sweep import Sweep

__all__ = ["Limits", "Plan", "Sweep", "plan_launch", "plan_sweep"]
