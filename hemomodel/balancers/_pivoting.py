"""Quadratic programs over nonnegative numbers, by symmetric principal pivoting.

The optimality conditions of min 1/2 x^T Q x + q^T x over x >= 0 are s = Q x + q >= 0, x >= 0,
x^T s = 0: one of x_i and s_i is zero for each i. Let the set contain those i whose x_i may differ
from zero. The tableau [Q, q; q^T, 0], swept on this set, contains all values. One more i enters or
leaves the set by one rank-one update (the sweep operator: Goodnight, The American Statistician 33,
1979). On (N, T, T) this is a dozen small operations, much cheaper than a factorisation per step.
The result is exact, not a limit.

Every program takes the same number of pivots. A program that is already solved continues with an
idle variable, which is not connected to the others (row T of the tableau, between the variables
and the borders).
"""

import torch
from torch import Tensor

__all__ = ["nonnegative_program", "path_to_norm"]

_NO_GAIN = 1e-24  # for an objective of magnitude one: a smaller gain is rounding error
_FLAT = 1e-14  # a slope of the size of rounding errors
_NO_CURVATURE = 1e-30  # in place of zero before the first corner: the norm is reached far away


class _Tableau:
    """N tableaus and views of them; sweeping changes them in place.

    N is the last axis, because only this axis is long enough for vector instructions.

    Attributes:
        values: (b, T, N), the entries of each border in the rows of the variables.
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
        """Adds variable `index` (1, N) to the set, or removes it; index T is the idle variable."""
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

    Each pivot uses the sign-violating variable that lowers the objective most. T + 5 pivots solve
    all programs that occur in training, and all except about one in a thousand random programs.

    Args:
        quadratic: (N, T, T) float64, positive definite, with a diagonal of about one.
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

    x(t) is zero up to some t and piecewise linear after it, and x^T Q x grows with t. The path is
    followed from corner to corner until a quadratic in t shows that the norm is reached before the
    next corner. T + 3 corners are enough for all programs that occur in training, and for all
    except about one in a hundred of the hardest random programs (zero near the gradients' hull,
    c = 1).

    Args:
        quadratic: (N, T, T) float64, positive definite, with a diagonal of about one.
        start: (N, T).
        push: (N, T), at least zero; a variable whose push is zero stays zero.
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
    """Returns the square root (N,) in the formula of the t at which the path has the wanted norm.

    On this piece of the path, x^T Q x - norm^2 = -(constant - 2 t cross + t^2 square), with entries
    of the tableau's corner.
    """
    return torch.addcmul(cross.square(), square, constant, value=-1).clamp_min_(0).sqrt_()
