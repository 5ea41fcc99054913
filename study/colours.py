"""One fixed colour a balancer, the same in every figure."""

import zlib

__all__ = ["colour"]

# Okabe and Ito (2008), made for colour-blind eyes.
_PALETTE = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#f0e442", "#000000")


def colour(arm: str) -> str:
    """Returns the colour of an arm as #rrggbb.

    >>> colour("gradnorm") == colour("gradnorm")
    True
    """
    return _PALETTE[zlib.crc32(arm.encode()) % len(_PALETTE)]
