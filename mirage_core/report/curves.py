"""Curves as inline SVG."""

import io
from collections.abc import Sequence

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402  (the backend comes first)

matplotlib.rcParams.update({"svg.fonttype": "none", "font.size": 9, "svg.hashsalt": "mirage"})


def curve_svg(name: str, steps: Sequence[int], values: Sequence[float]) -> str:
    """A small line chart of one metric over optimizer steps."""
    figure, axes = pyplot.subplots(figsize=(3.4, 2.1), layout="constrained")
    axes.plot(steps, values, color="#b3261e", linewidth=1.4)
    axes.set_title(name.replace("_", " "), loc="left")
    axes.set_xlabel("optimizer step")
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    svg = buffer.getvalue()
    return svg[svg.index("<svg") :]
