"""Figures as inline SVG."""

import io
from collections.abc import Mapping, Sequence

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402  (the backend comes first)
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.ticker import MaxNLocator  # noqa: E402

from mirage_core.benchmark.study import Estimate  # noqa: E402
from mirage_core.nights import Night  # noqa: E402

KINDS = (("#8a8a8a", "o"), ("#2f6fb3", "s"), ("#b3261e", "^"))
"""Colour and mark of the kinds on a map, in their order."""
matplotlib.rcParams.update({"svg.fonttype": "none", "font.size": 9, "svg.hashsalt": "mirage"})

RED, GREY = "#b3261e", "#888888"
SEED_COLOURS = (RED, "#1f6f8b", "#7a8b1f", "#8b4fa0", "#c77d0a")
"""Of the first training seeds; further ones begin anew."""
BAR_INCHES = 0.3
"""Height of a bar with its space."""


def curve_svg(name: str, steps: Sequence[int], values: Sequence[float]) -> str:
    """A small line chart of one metric over optimizer steps."""
    return curves_svg(name, {"": (steps, values)})


def curves_svg(name: str, lines: Mapping[str, tuple[Sequence[int], Sequence[float]]]) -> str:
    """A small line chart of one metric over optimizer steps, one line per label; the label "" is not shown."""
    figure, axes = pyplot.subplots(figsize=(3.4, 2.1), layout="constrained")
    for number, (label, (steps, values)) in enumerate(lines.items()):
        colour = SEED_COLOURS[number % len(SEED_COLOURS)]
        axes.plot(steps, values, color=colour, linewidth=1.4, label=label or None)
    if any(lines):
        axes.legend(fontsize=7, frameon=False)
    axes.set_title(name.replace("_", " "), loc="left")
    axes.set_xlabel("optimizer step")
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    return _svg(figure)


def bars_svg(title: str, estimates: Mapping[str, Estimate], policy: tuple[str, float] | None = None) -> str:
    """Accuracies as bars with their intervals, and a dot for every training seed.

    Args:
        title: What is shown.
        estimates: Name -> accuracy, from top to bottom.
        policy: Name and accuracy of a trivial policy, drawn as a line.
    """
    figure, axes = pyplot.subplots(figsize=(5.6, 1.0 + BAR_INCHES * len(estimates)), layout="constrained")
    for place, estimate in enumerate(estimates.values()):
        axes.barh(place, 100 * estimate.mean, height=0.6, color="#e3b5b0")
        axes.plot([100 * estimate.low, 100 * estimate.high], [place, place], color="#1d1b20", linewidth=1.2)
        axes.scatter(
            [100 * share for share in estimate.by_seed], [place] * len(estimate.by_seed), s=11, color=RED, zorder=3
        )
    if policy:
        axes.axvline(100 * policy[1], color=GREY, linewidth=1.0, linestyle="--", label=policy[0])
        figure.legend(fontsize=7, frameon=False, loc="outside lower left")
    axes.set_yticks(range(len(estimates)), list(estimates))
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_title(f"{title}, %", loc="left")
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return _svg(figure)


def nights_svg(nights: Sequence[Night]) -> str:
    """The history of nights, for a page."""
    return _svg(_nights(nights))


def nights_png(nights: Sequence[Night]) -> bytes:
    """The same as a picture file."""
    figure, buffer = _nights(nights), io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    pyplot.close(figure)
    return buffer.getvalue()


def _nights(nights: Sequence[Night]) -> Figure:
    """Accuracy of each night's candidate and of the best model before it, on that night's items; stars are promoted."""
    figure, axes = pyplot.subplots(figsize=(7.0, 2.8), layout="constrained")
    numbers = [night.number for night in nights]
    lines = {
        "best so far": (GREY, [night.judgement.accuracy_before for night in nights]),
        "candidate": (RED, [night.judgement.accuracy for night in nights]),
    }
    for name, (colour, shares) in lines.items():
        axes.plot(
            numbers, [100 * share for share in shares], "o-", color=colour, linewidth=1.2, markersize=3, label=name
        )
    promoted = [night for night in nights if night.judgement.promoted]
    stars = [100 * night.judgement.accuracy for night in promoted]
    axes.plot([night.number for night in promoted], stars, "*", color=RED, markersize=11, label="promoted")
    axes.set_xlabel("night")
    axes.set_title("held-out accuracy, %", loc="left")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(fontsize=7, frameon=False, loc="outside lower left", ncols=3)
    return figure


def stacked_svg(title: str, bars: Mapping[str, Mapping[str, int]]) -> str:
    """Shares of counts as stacked bars; the first part is a calm colour, the others are told apart.

    Args:
        title: What is shown.
        bars: Name -> part -> count, from top to bottom.
    """
    parts = list(dict.fromkeys(part for counts in bars.values() for part in counts))
    figure, axes = pyplot.subplots(
        figsize=(8.4, 1.4 + BAR_INCHES * (len(bars) + len(parts) // 4)), layout="constrained"
    )
    ends = [0.0] * len(bars)
    colours = ("#b9cfc0", *pyplot.get_cmap("tab20").colors)  # type: ignore[attr-defined]
    for number, part in enumerate(parts):
        shares = [100 * counts.get(part, 0) / max(1, sum(counts.values())) for counts in bars.values()]
        axes.barh(range(len(bars)), shares, left=ends, height=0.7, label=part, color=colours[number % len(colours)])
        ends = [end + share for end, share in zip(ends, shares, strict=True)]
    axes.set_yticks(range(len(bars)), list(bars))
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_title(f"{title}, %", loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(fontsize=7, frameon=False, loc="outside lower left", ncols=5)
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
