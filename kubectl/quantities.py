"""Quantities as numbers to sort and sum by."""
from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fractions import Fraction


def amount(text: str) -> Fraction | None:
    """The quantity's exact value; None where *text* is no quantity."""
    from fractions import Fraction

    from kubeapi.quantity import Quantity, QuantityError
    try:
        return Fraction(Quantity.parse(text).milli_value(), 1000)
    except QuantityError:
        return None
