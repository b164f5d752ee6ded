"""Figures by plotly; see `expsdk.analysis.drawing.Drawing`."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import optuna.visualization

from expsdk.analysis.drawing import BEST, COLOURS, STATES, Captions, unquoted
from expsdk.samplers.quiet import quiet

if TYPE_CHECKING:
    import optuna
    import plotly.graph_objects

FEW_CURVES = 10
"""So many have a colour each and a legend; more are grey."""
FEW_BARS = 100


def draw(kind: str, study: optuna.Study, captions: Captions, **options: Any) -> plotly.graph_objects.Figure:
    """Return the figure of `optuna.visualization.plot_<kind>`."""
    with quiet():
        figure = getattr(optuna.visualization, f"plot_{kind}")(study, **options)
    if kind == "optimization_history":
        figure.update_traces(name=BEST, selector={"name": "Best Value"})
    if kind == "contour":  # lines between hundreds of points are black all over
        figure.update_traces(contours_showlines=False, selector={"type": "contour"})
    if kind == "parallel_coordinate":  # the numbers stand above the axes, where the title is
        figure.update_layout(margin_t=130, title={"y": 0.93, "yref": "container"})
    if kind == "slice":
        figure.for_each_trace(_unquote)
    return _finished(figure, captions)


def curves(study: optuna.Study, captions: Captions, *, best: int) -> plotly.graph_objects.Figure:
    """Return a figure of intermediate values, with one curve in bold."""
    with quiet():
        figure = optuna.visualization.plot_intermediate_values(study)
    is_few = len(figure.data) <= FEW_CURVES
    for trace in figure.data:
        number = trace.name.removeprefix("Trial")
        trace.name = f"trial {number}"
        trace.mode = "lines" if len(trace.x) > 1 else "markers"
        if number == str(best):
            trace.line = {"color": COLOURS["COMPLETE"], "width": 3}
            trace.name += " (best)"
        elif not is_few:
            trace.line = {"color": "rgba(128, 128, 128, 0.35)", "width": 1}
    figure.data = sorted(figure.data, key=lambda trace: trace.name.endswith("(best)"))  # the last is on top
    figure.update_layout(showlegend=is_few)
    return _finished(figure, captions)


def timeline(study: optuna.Study, captions: Captions) -> plotly.graph_objects.Figure:
    """Return a figure of when trials ran."""
    with quiet():
        figure = optuna.visualization.plot_timeline(study)
    for trace in figure.data:
        state = trace.name
        trace.name = STATES[state]
        trace.marker.color = COLOURS[state]
        trace.marker.line.width = 0
        trace.hovertemplate = "%{text}<extra></extra>"
    if len(study.trials) > FEW_BARS:
        figure.update_layout(bargap=0)  # else gaps are all that is seen
    return _finished(figure, captions)


def _unquote(trace: Any) -> None:
    """Take away the quotation marks that Optuna puts around a choice's options."""
    if trace.x is not None and any(isinstance(option, str) for option in trace.x):
        trace.x = [unquoted(option) if isinstance(option, str) else option for option in trace.x]


def _finished(figure: plotly.graph_objects.Figure, captions: Captions) -> plotly.graph_objects.Figure:
    subtitle = f"<br><sup>{escape(captions.subtitle)}</sup>" if captions.subtitle else ""
    figure.update_layout(title={"text": escape(captions.title) + subtitle}, template="plotly_white")
    if captions.x is not None:
        figure.update_xaxes(title_text=escape(captions.x))
    if captions.y is not None:
        figure.update_yaxes(title_text=escape(captions.y))
    return figure
