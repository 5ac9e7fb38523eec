"""How lists are cut into pages and ordered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from huidu.model.errors import InvalidValue

MOST = 100
MOST_OFFSET = 2**62

T = TypeVar("T")


def limit_of(limit: int, most: int = MOST) -> int:
    """Return a limit that can be served; more than the most is cut to it (D-05)."""
    if limit < 0:
        raise InvalidValue("Limit", f"Limit {limit}: must be 0 to {most}")
    return min(limit, most)


def offset_of(offset: int) -> int:
    """Return an offset, or raise `InvalidValue`."""
    if not 0 <= offset <= MOST_OFFSET:
        raise InvalidValue("Offset", f"Offset {offset}: must be 0 or more")
    return offset


def page(every: Sequence[T], offset: int, limit: int) -> list[T]:
    """Return a page of a list, or raise `InvalidValue` for what cannot be one."""
    begin = offset_of(offset)
    return list(every[begin : begin + limit_of(limit)])


def is_descending(order: str) -> bool:
    """Tell whether the newest comes first, or raise `InvalidValue`."""
    if order.upper() not in {"ASC", "DESC"}:
        raise InvalidValue("Order", f"Order {order[:40]!r}: must be ASC or DESC")
    return order.upper() == "DESC"


def column_of(order_by: str, columns: Mapping[str, str], detail: str = "OrderBy") -> str:
    """Return the column that an order names, or raise `InvalidValue` with this detail."""
    if order_by not in columns:
        raise InvalidValue(
            detail, f"OrderBy {order_by[:40]!r}: must be one of {', '.join(columns)}"
        )
    return columns[order_by]
