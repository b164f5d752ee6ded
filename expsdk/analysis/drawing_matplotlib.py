"""Figures by matplotlib; see `expsdk.analysis.drawing.Drawing`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import optuna.visualization.matplotlib
from matplotlib.category import StrCategoryFormatter
from matplotlib.style import context

from expsdk.analysis.drawing import BEST, COLOURS, STATES, Captions, unquoted
from expsdk.samplers.quiet import quiet

if TYPE_CHECKING:
    import optuna
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FEW_CURVES = 10
"""So many have a colour each and a legend; more are grey."""
MANY, SMALL, LARGE = 500, 6.0, 25.0
"""From how many points on they are small, and their areas in square points."""


def draw(kind: str, study: optuna.Study, captions: Captions, **options: Any) -> Figure:
    """Return the figure of `optuna.visualization.matplotlib.plot_<kind>`."""
    axes = _axes(kind, study, **options)
    if kind == "optimization_history":
        for points in axes[0].collections:
            points.set(sizes=[SMALL if len(study.trials) > MANY else LARGE])
        for line in axes[0].lines:
            line.set(zorder=3, label=BEST)  # which the points would hide
        axes[0].legend(loc="upper left", bbox_to_anchor=(1.02, 1.0))
    if kind == "slice":
        for each in axes:
            _name_options(each)
        for each in axes[0].figure.axes:  # the scale of colours, too
            left, bottom, width, height = each.get_position().bounds
            each.set_position((left, bottom + 0.1, width, height - 0.1))  # room for options
    return _finished(axes, captions)


def curves(study: optuna.Study, captions: Captions, *, best: int) -> Figure:
    """Return a figure of intermediate values, with one curve in bold."""
    axes = _axes("intermediate_values", study)
    is_few = len(axes[0].lines) <= FEW_CURVES
    for line in axes[0].lines:
        number = str(line.get_label()).removeprefix("Trial")
        line.set_label(f"trial {number}")
        if number == str(best):
            line.set(color=COLOURS["COMPLETE"], linewidth=2.5, zorder=3, alpha=1.0, label=f"trial {number} (best)")
        elif not is_few:
            line.set(color="grey", linewidth=0.8, alpha=0.35)
        line.set_marker("o" if len(np.atleast_1d(line.get_xdata())) == 1 else "")
    legend = axes[0].get_legend()
    if legend is not None:
        legend.remove()
    if is_few:
        axes[0].legend()
    return _finished(axes, captions)


def timeline(study: optuna.Study, captions: Captions) -> Figure:
    """Return a figure of when trials ran."""
    axes = _axes("timeline", study)
    legend = axes[0].get_legend()
    for text in legend.get_texts() if legend is not None else []:
        text.set_text(STATES[text.get_text()])
    return _finished(axes, captions)


def _axes(kind: str, study: optuna.Study, **options: Any) -> list[Axes]:
    # Optuna sets a style for good, which is the user's to choose.
    with quiet(), context("default"):
        drawn = getattr(optuna.visualization.matplotlib, f"plot_{kind}")(study, **options)
    return list(np.ravel(drawn))


def _name_options(axes: Axes) -> None:
    """Write a choice's options slantwise, without the quotation marks that Optuna puts around them."""
    formatter = axes.xaxis.get_major_formatter()
    if isinstance(formatter, StrCategoryFormatter):
        ticks = axes.get_xticks()
        labels = [unquoted(formatter(tick)) for tick in ticks]
        axes.set_xticks(ticks, labels, rotation=25, ha="right")


def _finished(axes: list[Axes], captions: Captions) -> Figure:
    figure: Figure = axes[0].figure  # type: ignore[assignment] # none is in a subfigure
    for each in axes:
        for side in ("left", "center", "right"):
            each.set_title("", loc=side)
        if captions.x is not None:
            each.set_xlabel(captions.x)
        if captions.y is not None:
            each.set_ylabel(captions.y)
    figure.suptitle("\n".join(filter(None, (captions.title, captions.subtitle))), fontsize="medium")
    if len(figure.axes) == 1:  # with a scale of colours beside it, the layout is Optuna's
        figure.tight_layout()  # long names and a legend are not cut off
    if "inline" in plt.get_backend():  # a notebook shows the figure that is returned, and would show this one again
        plt.close(figure)
    return figure
