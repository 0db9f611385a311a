"""Draw what matters in a long recording: some seconds each, under their times."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.figure import Figure

from heart_reader.data.paper import Sheet, draw_tracing, new_page, write
from heart_reader.data.record import EcgRecord
from heart_reader.diagnosis import NOTICE
from heart_reader.long.excerpts import EXCERPT_S, Excerpt, excerpt_leads

__all__ = ["excerpt_pages"]

WIDTH_MM, HEIGHT_MM, EDGE_MM, TRACE_X_MM = 297.0, 210.0, 8.0, 30.0
TOP_MM, FOOT_MM, TITLE_MM = 15.0, 198.0, 5.0
ON_A_PAGE, GAP_MM = 3, 2.0


def excerpt_pages(record: EcgRecord, excerpts: Sequence[Excerpt]) -> Iterator[Figure]:
    """Yield pages of tracings in true millimetres.

    Parameters
    ----------
    record
        What was read.
    excerpts
        What to draw.
    """
    for first in range(0, len(excerpts), ON_A_PAGE):
        yield _page(record, excerpts[first : first + ON_A_PAGE])


def _page(record: EcgRecord, excerpts: Sequence[Excerpt]) -> Figure:
    figure, axes = new_page(WIDTH_MM, HEIGHT_MM)
    write(axes, EDGE_MM, 9.5, textwrap.shorten(record.record_id, 60, placeholder=" …"), 4.4, weight="bold")
    axes.plot((EDGE_MM, WIDTH_MM - EDGE_MM), (11, 11), color="black", linewidth=0.8)
    sheet, leads = Sheet(duration_s=EXCERPT_S), excerpt_leads(record)
    height = 5.0 * np.floor((FOOT_MM - 6.0 - TOP_MM - (TITLE_MM + GAP_MM) * ON_A_PAGE) / ON_A_PAGE / 5.0)
    top = TOP_MM
    for one in excerpts:
        shown = record.part(one.start_s, one.start_s + EXCERPT_S).only(leads)
        write(axes, EDGE_MM, top + 2.0, one.title, 3.3, weight="bold")
        draw_tracing(axes, shown, sheet, x=TRACE_X_MM, top=top + TITLE_MM, bottom=top + TITLE_MM + height)
        top += TITLE_MM + height + GAP_MM
    write(axes, EDGE_MM, FOOT_MM, sheet.caption, 2.7)
    axes.plot((EDGE_MM, WIDTH_MM - EDGE_MM), (FOOT_MM + 1.5, FOOT_MM + 1.5), color="black", linewidth=0.8)
    write(axes, EDGE_MM, FOOT_MM + 5.5, NOTICE, weight="bold")
    return figure
