"""The page about nights of retraining: what each candidate was worth beside the best model so far."""

from collections.abc import Sequence

from mirage_core.nights import Night, best_of, table
from mirage_core.report.curves import nights_svg
from mirage_core.report.render import render


def nights_page(title: str, nights: Sequence[Night]) -> str:
    """HTML of the history, of at least one night."""
    head, *rows = table(nights)
    figure = nights_svg(nights)
    return render("nights.html", title=title, best=best_of(nights), figure=figure, head=head, rows=rows)
