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

    Attributes:
        values: (N, T, b), what stands beside the variables in each border.
        diagonal: (N, T).
        corner: (N, b, b), the borders' own products.
        side: (N, T), 1 for a variable outside the set, -1 for one inside.
    """

    def __init__(self, quadratic: Tensor, *borders: Tensor) -> None:
        count, tasks = borders[0].shape
        size = tasks + 1 + len(borders)
        self._all = quadratic.new_zeros(count, size, size)
        self._all[:, :tasks, :tasks] = quadratic
        self._diagonal = self._all.diagonal(dim1=1, dim2=2)
        self._diagonal[:, tasks] = 1.0
        self._sides = torch.ones_like(self._all[:, 0])
        self._numbers = torch.arange(size, device=quadratic.device)
        self._none = quadratic.new_zeros(())
        self.values = self._all[:, :tasks, tasks + 1 :]
        self.values.copy_(torch.stack(borders, 2))
        self._all[:, tasks + 1 :, :tasks] = self.values.mT
        self.diagonal = self._diagonal[:, :tasks]
        self.corner = self._all[:, tasks + 1 :, tasks + 1 :]
        self.side = self._sides[:, :tasks]

    def sweep(self, index: Tensor) -> None:
        """Lets variable index (N, 1) enter the set, or leave it; T is the idle one."""
        place = index.unsqueeze(2)
        row = self._all.gather(1, place.expand(-1, 1, self._all.shape[2]))
        pivot = row.gather(2, place)
        unit = torch.where(self._numbers == index, self._sides, self._none)
        row -= unit.unsqueeze(1)
        self._all.addcmul_((row / pivot).mT, row, value=-1)
        self._diagonal.sub_(unit, alpha=2)
        self._sides.sub_(unit, alpha=2)


def nonnegative_program(quadratic: Tensor, linear: Tensor) -> Tensor:
    """Solves min 1/2 x^T Q x + q^T x over x >= 0.

    Each pivot is on the one sign-violating variable that lowers the objective most. 3T/2 + 2 of
    them solve all programs that training meets, and all but about one in ten thousand of random
    ones.

    Args:
        quadratic: (N, T, T) float64, positive definite, its diagonal about one.
        linear: (N, T), at most about one.

    Returns:
        x (N, T).
    """
    tasks = linear.shape[1]
    tableau = _Tableau(quadratic, linear)
    values, side, diagonal = tableau.values.squeeze(2), tableau.side, tableau.diagonal
    gains = linear.new_full((len(linear), tasks + 1), _NO_GAIN)
    gain = gains[:, :tasks]
    for _ in range(3 * tasks // 2 + 2):
        below = (values * side).clamp_max_(0)
        torch.mul(below, values / diagonal, out=gain)
        tableau.sweep(gains.max(1, keepdim=True).indices)
    return (values * (side - 1)).clamp_min_(0) / 2


def path_to_norm(quadratic: Tensor, start: Tensor, push: Tensor, norm: Tensor) -> Tensor:
    """Finds where x(t) = argmin 1/2 x^T Q x + (start - t push)^T x over x >= 0 has a given norm.

    x(t) is zero up to some t, piecewise linear from there on, and x^T Q x grows with t. The path is
    followed from corner to corner until a quadratic in t says that the norm is reached before the
    next one. T + 4 corners are enough for all that training meets, and for all but about one in a
    thousand of random programs.

    Args:
        quadratic: (N, T, T) float64, positive definite, its diagonal about one.
        start: (N, T).
        push: (N, T), at least zero; a variable without push stays zero.
        norm: (N,), the wanted sqrt(x^T Q x).

    Returns:
        x (N, T).
    """
    tasks = start.shape[1]
    tableau = _Tableau(quadratic, start, push)
    offset, slope = tableau.values.unbind(2)
    square = tableau.corner[:, 1, 1]
    square.sub_(_NO_CURVATURE)
    constant, cross, squared = tableau.corner[:, 0, 0], tableau.corner[:, 0, 1], norm.square()
    stops = start.new_empty(len(start), tasks + 1)
    stop, end = stops[:, :tasks], stops[:, tasks]
    never = start.new_full((), torch.inf)
    for _ in range(tasks + 4):
        torch.where(slope * tableau.side > _FLAT, offset / slope, never, out=stop)
        root = torch.addcmul(cross.square(), square, constant + squared, value=-1)
        torch.div(cross - root.clamp_min_(0).sqrt_(), square, out=end)
        tableau.sweep(stops.min(1, keepdim=True).indices)
    root = torch.addcmul(cross.square(), square, constant + squared, value=-1)
    at_end = (cross - root.clamp_min_(0).sqrt_()) / square
    x = (at_end.unsqueeze(1) * slope - offset) * (1 - tableau.side)
    return x.clamp_min_(0) / 2
