"""Reproduces the published setting, with the plotted quantities and with comparable ones.

The original drew one training-loss curve per method: the sum of the losses for the baseline, the
sum of e^-s L + s for uncertainty weighting, and the sum of w L over ten for GradNorm. These are
three different quantities. This module adds two that mean the same for all methods: the plain sum
of the losses, and the skill on training rows and on validation rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots
from rich.box import SIMPLE_HEAD
from rich.table import Table
from torch import Tensor

from hemomodel.arrays import Float64s
from hemomodel.training.device_data import as_array
from hemomodel.training.fit_config import FitConfig
from hemomodel.training.fitting import Fit, fit
from study.report.components.palette import colour as colour_of
from study.settings.cohort_and_splits import open_cohort, search_replicates
from study.settings.search_space import SearchSpace
from study.settings.settings import Settings

__all__ = ["PUBLISHED", "Curves", "curve_figure", "curve_table", "reproduce_published"]

PUBLISHED = {"equal": 2494.0, "gradnorm": 238.29, "uncertainty": 98.82}
"""The values at epoch 100 in the figures of the original."""

_LABELS = {
    "equal": "baseline: sum of L",
    "gradnorm": "gradnorm: sum of w L / 10",
    "uncertainty": "uncertainty: sum of e^-s L + s",
}


@dataclass(frozen=True)
class Curves:
    """The curves of one method, each (E, R).

    Attributes:
        plotted: the quantity that the original drew for this method, computed from each epoch's
            mean weights and mean losses.
        total: the sum of the task losses, unweighted, in the training scale.
        trained: mean skill over tasks on the training rows, measured in the training steps.
        held_out: mean skill over tasks on the validation rows.
    """

    plotted: Float64s
    total: Float64s
    trained: Float64s
    held_out: Float64s


def reproduce_published(settings: Settings) -> dict[str, Curves]:
    """Trains the setting once per balancer.

    Args:
        settings: settings that fix every parameter, as in configs/published_setting.yaml.
    """
    cohort = open_cohort(settings)
    space = SearchSpace(settings, [task.name for task in cohort.schema.tasks])
    curves = {}
    for name in settings.balancers:
        config: FitConfig = space.build({"balancer": name})
        curves[name] = _curves(name, fit(config, cohort, search_replicates(settings)))
    return curves


def _curves(name: str, run: Fit) -> Curves:
    history = run.history
    trained = 1 - history.train_loss / run.training.trivial_train_loss
    return Curves(
        plotted=as_array(_plotted(name, history.train_loss, history.weights)),
        total=as_array(history.train_loss.sum(2)),
        trained=as_array(trained.mean(2)),
        held_out=as_array(history.skill.mean(2)),
    )


def _plotted(name: str, losses: Tensor, weights: Tensor) -> Tensor:
    weighted = (weights * losses).sum(2)
    if name == "uncertainty":
        return weighted - weights.log().sum(2)  # s = -log w
    return weighted / losses.shape[2] if name == "gradnorm" else weighted


def curve_table(curves: Mapping[str, Curves]) -> Table:
    """Returns the values at the last epoch next to the published ones."""
    table = Table(
        title="The published setting at its last epoch (mean over replicates)",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("method", no_wrap=True)
    for title in ("published", "same quantity", "sum of losses", "skill: trained", "held out"):
        table.add_column(title, justify="right")
    for name, arm in curves.items():
        last = (arm.plotted, arm.total, arm.trained, arm.held_out)
        plotted, total, trained, held_out = (values[-1].mean() for values in last)
        cells = (f"{plotted:.1f}", f"{total:.0f}", f"{trained:+.3f}", f"{held_out:+.3f}")
        table.add_row(name, f"{PUBLISHED[name]:g}", *cells)
    return table


def curve_figure(curves: Mapping[str, Curves]) -> go.Figure:
    """Draws the quantities side by side: means over replicates, with one standard deviation."""
    titles = (
        "As the original drew it:<br>three quantities",
        "The same sum of losses<br>for all three",
        "Mean skill over tasks:<br>solid held out, dotted trained",
    )
    drawn = make_subplots(1, 3, subplot_titles=titles, horizontal_spacing=0.07)
    for name, arm in curves.items():
        _line(drawn, 1, name, arm.plotted, name=_LABELS[name])
        _line(drawn, 2, name, arm.total)
        _line(drawn, 3, name, arm.held_out)
        _line(drawn, 3, name, arm.trained, dash="dot", band=False)
    drawn.update_yaxes(type="log", col=1)
    drawn.update_yaxes(type="log", col=2)
    drawn.update_yaxes(range=[-6, 1], col=3)
    drawn.update_xaxes(title_text="epoch")
    drawn.update_layout(
        template="simple_white",
        width=1150,
        height=430,
        margin={"t": 70, "b": 110},
        legend={"orientation": "h", "y": -0.3},
    )
    return drawn


def _line(drawn: go.Figure, column: int, key: str, values: Float64s, **look: Any) -> None:
    epochs = np.arange(1, len(values) + 1)
    middle, spread = values.mean(1), values.std(1)
    colour, place = colour_of(key), {"row": 1, "col": column}
    if look.pop("band", True):
        edge = np.concatenate([middle + spread, (middle - spread)[::-1]])
        drawn.add_scatter(
            x=np.concatenate([epochs, epochs[::-1]]),
            y=edge,
            fill="toself",
            fillcolor=colour,
            opacity=0.15,
            line={"width": 0},
            showlegend=False,
            hoverinfo="skip",
            **place,
        )
    line = {"color": colour, "dash": look.pop("dash", "solid")}
    drawn.add_scatter(
        x=epochs, y=middle, mode="lines", line=line, showlegend="name" in look, **look, **place
    )
