"""The coordinator: a pure core that decides, a shell that acts, and what people see meanwhile.

What samples are proposed belongs to the samplers, how trials run to the backends, what came out to the analysis.
"""

from expsdk.sweep.attach import AttachedSweep, attach
from expsdk.sweep.budget import Budget
from expsdk.sweep.limits import Limits
from expsdk.sweep.plan import Plan, plan_launch, plan_sweep, with_epochs
from expsdk.sweep.sweep import Sweep

__all__ = ["AttachedSweep", "Budget", "Limits", "Plan", "Sweep", "attach", "plan_launch", "plan_sweep", "with_epochs"]
