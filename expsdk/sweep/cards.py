"""What notebooks show of a sweep that is yet to run."""

from __future__ import annotations

from expsdk.analysis import html
from expsdk.experiment.definition import Definition
from expsdk.space import Space
from expsdk.space.domains import Choice, Constant, Parameter
from expsdk.space.values import show
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
    return html.page(
        html.heading(f"sweep of {definition.label}", "not run yet"),
        html.table(["", ""], [[name, fact] for name, fact in facts.items() if fact]),
        html.table(["parameter", "domain"], _domains(definition.space)),
        html.line("run it: .run(), or .run(backend='kubernetes')", dim=True),
    )


def _domains(space: Space) -> list[list[str]]:
    return [row for parameter in space.parameters for row in _rows(parameter, "")]


def _rows(parameter: Parameter, where: str) -> list[list[str]]:
    domain = parameter.domain
    if isinstance(domain, Constant):
        shown = show(domain.value, DOMAIN_LIMIT_CHARS)
    elif isinstance(domain, Choice):
        shown = show(list(domain.choices), DOMAIN_LIMIT_CHARS)
    else:
        declared = domain.to_declarative()
        options = ", ".join(f"{name}={value!r}" for name, value in declared.items() if name != "type")
        shown = f"{declared['type']}({options})"
    rows = [[f"{where}{parameter.name}", shown]]
    for option, branch in domain.pairs() if isinstance(domain, Choice) else ():
        for each in branch:
            rows += _rows(each, f"{where}{parameter.name}={show(option)} → ")
    return rows
