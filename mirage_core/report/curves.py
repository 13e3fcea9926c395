"""Curves and maps as inline SVG."""

import io
from collections.abc import Mapping, Sequence

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402  (the backend comes first)
from matplotlib.figure import Figure  # noqa: E402

KINDS = (("#8a8a8a", "o"), ("#2f6fb3", "s"), ("#b3261e", "^"))
"""Colour and mark of the kinds on a map, in their order."""
matplotlib.rcParams.update({"svg.fonttype": "none", "font.size": 9, "svg.hashsalt": "mirage"})


def curve_svg(name: str, steps: Sequence[int], values: Sequence[float]) -> str:
    """A small line chart of one metric over optimizer steps."""
    figure, axes = pyplot.subplots(figsize=(3.4, 2.1), layout="constrained")
    axes.plot(steps, values, color="#b3261e", linewidth=1.4)
    axes.set_title(name.replace("_", " "), loc="left")
    axes.set_xlabel("optimizer step")
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    return _svg(figure)


def map_svg(name: str, points: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """A map of vectors, a colour and a mark for each kind; its axes mean nothing and have no numbers."""
    figure, axes = pyplot.subplots(figsize=(3.4, 3.4), layout="constrained")
    for (kind, places), (color, mark) in zip(points.items(), KINDS, strict=False):
        x, y = zip(*places, strict=True) if places else ((), ())
        axes.scatter(x, y, s=9, c=color, marker=mark, linewidths=0, alpha=0.75, label=kind)
    axes.set_title(name, loc="left")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color("#cccccc")
    figure.legend(loc="outside lower center", ncols=3, frameon=False, handletextpad=0.1, columnspacing=1.0)
    return _svg(figure)


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    svg = buffer.getvalue()
    return svg[svg.index("<svg") :]
