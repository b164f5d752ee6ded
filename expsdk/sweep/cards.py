"""What notebooks show of a sweep that is yet to run."""

from __future__ import annotations

from expsdk.analysis import html
from expsdk.experiment.definition import Definition
from expsdk.space.notation import lines_of
from expsdk.sweep.plan import Plan

DOMAIN_LIMIT_CHARS = 120


def sweep_card(definition: Definition, plan: Plan) -> str:
    """Return a sweep in HTML: what is searched for what, and how."""
    limits, aims = plan.limits, definition.objectives
    facts = {
        "name": plan.name or f"{definition.name}-…",
        "objective": ", ".join(f"{aim.metric} ({aim.direction})" for aim in aims),
        "trials": str(limits.trials or "until the samples or the time run out"),
        "at a time": str(limits.parallelism),
        "sampler": plan.sampler.name,
        "pruner": plan.pruner.name if plan.pruner else "",
        "seed": str(plan.seed),
    }
    domains = [[name, _cut(domain)] for name, domain in lines_of(definition.space.parameters)]
    return html.page(
        html.heading(f"sweep of {definition.label}", "not run yet"),
        html.table(["", ""], [[name, fact] for name, fact in facts.items() if fact]),
        html.table(["parameter", "domain"], domains),
        html.line("run it: .run(), or .run(backend='kubernetes')", dim=True),
    )


def _cut(text: str) -> str:
    return text if len(text) <= DOMAIN_LIMIT_CHARS else text[: DOMAIN_LIMIT_CHARS - 1] + "…"
