"""Quadratic programs over nonnegative numbers, by symmetric principal pivoting.

The optimality conditions of min 1/2 x^T Q x + q^T x over x >= 0 are s = Q x + q >= 0, x >= 0,
x^T s = 0: one of x_i and s_i is zero for each i. A tableau [Q, q; q^T, 0], swept on the set of
those i whose x_i may differ from zero, shows all values at once; one more i enters or leaves the
set by one rank-one update (the sweep operator: Goodnight, The American Statistician 33, 1979). On
(N, T, T) that is a dozen small operations, far cheaper than a factorisation for each step, and the
end is exact, not a limit.

Every program takes the same number of pivots. One that is solved goes on with an idle variable,
which stands alone in the tableau (row T, between the variables and the borders).
"""

import torch
from torch import Tensor

__all__ = ["nonnegative_program", "path_to_norm"]

_NO_GAIN = 1e-24  # of an objective of magnitude one: a value below zero by rounding
_FLAT = 1e-14  # a slope at rounding's size
_NO_CURVATURE = 1e-30  # of the path before its first corner: any norm is far away


class _Tableau:
    """N tableaus and views of them; sweeping changes them in place.

    N is the last axis, the only one long enough for the processor to work along it.

    Attributes:
        values: (b, T, N), what stands beside the variables in each border.
        diagonal: (T, N).
        corner: (b, b, N), the borders' own products.
        side: (T, N), 1 for a variable outside the set, -1 for one inside.
    """

    def __init__(self, quadratic: Tensor, *borders: Tensor) -> None:
        count, tasks = borders[0].shape
        size = tasks + 1 + len(borders)
        self._all = quadratic.new_zeros(size, size, count)
        self._all[:tasks, :tasks] = quadratic.permute(1, 2, 0)
        self._diagonal = self._all.diagonal().T
        self._diagonal[tasks] = 1.0
        self._sides = quadratic.new_ones(size, count)
        self._numbers = torch.arange(size, device=quadratic.device).unsqueeze(1)
        self._none = quadratic.new_zeros(())
        self.values = self._all[tasks + 1 :, :tasks]
        self.values.copy_(torch.stack([border.T for border in borders]))
        self._all[:tasks, tasks + 1 :] = self.values.transpose(0, 1)
        self.diagonal = self._diagonal[:tasks]
        self.corner = self._all[tasks + 1 :, tasks + 1 :]
        self.side = self._sides[:tasks]

    def sweep(self, index: Tensor) -> None:
        """Lets variable index (1, N) enter the set, or leave it; T is the idle one."""
        place = index.unsqueeze(0)
        row = self._all.gather(0, place.expand(1, *self._sides.shape))
        pivot = row.gather(1, place)
        unit = torch.where(self._numbers == index, self._sides, self._none)
        row -= unit
        self._all.addcmul_((row / pivot).transpose(0, 1), row, value=-1)
        self._diagonal.sub_(unit, alpha=2)
        self._sides.sub_(unit, alpha=2)


def nonnegative_program(quadratic: Tensor, linear: Tensor) -> Tensor:
    """Solves min 1/2 x^T Q x + q^T x over x >= 0.

    Each pivot is on the one sign-violating variable that lowers the objective most. T + 5 of them
    solve all programs that training meets, and all but about one in a thousand of random ones.

    Args:
        quadratic: (N, T, T) float64, positive definite, its diagonal about one.
        linear: (N, T), at most about one.

    Returns:
        x (N, T).
    """
    count, tasks = linear.shape
    tableau = _Tableau(quadratic, linear)
    values, side, diagonal = tableau.values[0], tableau.side, tableau.diagonal
    gains = linear.new_full((tasks + 1, count), _NO_GAIN)
    gain = gains[:tasks]
    for _ in range(tasks + 5):
        below = (values * side).clamp_max_(0)
        torch.mul(below, values / diagonal, out=gain)
        tableau.sweep(gains.argmax(0, keepdim=True))
    return (values * (side - 1)).clamp_min_(0).T / 2


def path_to_norm(quadratic: Tensor, start: Tensor, push: Tensor, norm: Tensor) -> Tensor:
    """Finds where x(t) = argmin 1/2 x^T Q x + (start - t push)^T x over x >= 0 has a given norm.

    x(t) is zero up to some t, piecewise linear from there on, and x^T Q x grows with t. The path is
    followed from corner to corner until a quadratic in t says that the norm is reached before the
    next one. T + 3 corners are enough for all that training meets, and for all but about one in a
    hundred of the hardest random programs (zero near the gradients' hull, c = 1).

    Args:
        quadratic: (N, T, T) float64, positive definite, its diagonal about one.
        start: (N, T).
        push: (N, T), at least zero; a variable without push stays zero.
        norm: (N,), the wanted sqrt(x^T Q x).

    Returns:
        x (N, T).
    """
    count, tasks = start.shape
    tableau = _Tableau(quadratic, start, push)
    offset, slope = tableau.values.unbind(0)
    constant, cross, square = tableau.corner[0, 0], tableau.corner[0, 1], tableau.corner[1, 1]
    square.sub_(_NO_CURVATURE)
    constant.add_(norm.square())
    stops = start.new_empty(tasks + 1, count)
    stop, end = stops[:tasks], stops[tasks]
    never = start.new_full((), torch.inf)
    for _ in range(tasks + 3):
        torch.where(slope * tableau.side > _FLAT, offset / slope, never, out=stop)
        torch.div(cross - _root(constant, cross, square), square, out=end)
        tableau.sweep(stops.argmin(0, keepdim=True))
    reached = (cross - _root(constant, cross, square)) / square * slope - offset
    return (reached * (1 - tableau.side)).clamp_min_(0).T / 2


def _root(constant: Tensor, cross: Tensor, square: Tensor) -> Tensor:
    """Returns the root (N,) in the t at which this piece of the path has the wanted norm.

    x^T Q x - norm^2 is -(constant - 2 t cross + t^2 square) there, entries of the tableau's corner.
    """
    return torch.addcmul(cross.square(), square, constant, value=-1).clamp_min_(0).sqrt_()
