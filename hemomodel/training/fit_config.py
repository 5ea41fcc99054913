"""The settings of one training run: their meanings, defaults and search domains."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Field, InstanceOf
from pydantic.dataclasses import dataclass

from hemomodel.balancers._base import Balancer
from hemomodel.balancers.equal import Equal
from hemomodel.domains import IntRange, Layers, LogUniform, OneOf, Uniform
from hemomodel.network.gradients import Over

__all__ = ["FitConfig"]

Width: TypeAlias = Annotated[int, Field(ge=1, le=65_536)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class FitConfig:
    """The settings with which R replicates are trained.

    Attributes:
        hidden: widths of the shared layers; ReLU after each except the last.
        lr: learning rate of trunk and heads.
        batch_size: rows per step.
        weight_decay_epochs: the time scale of AdamW's weight decay, in epochs: a weight loses the
            share 1 / (steps per epoch * weight_decay_epochs) per step, times the schedule (Wang &
            Aitchison, ICML 2025). Biases do not decay. None for no decay, which is plain Adam.
        dropout: share of rectified units that are set to zero in training.
        balancer: the method that weights the task losses.
        epochs: passes over the training rows.
        input_noise: standard deviation of the Gaussian noise that is added to every feature in
            training.
        linear_path: whether each head also reads the features directly, by its own weights.
        schedule: of the learning rate: constant, or half a cosine from `lr` to 0.
        heads: how the heads begin: `base_rates` predicts base rates and means from the first step,
            with small weights; `random` is torch.nn.Linear's initialisation, as published.
        reduction: whether the total is the sum or the mean of the weighted task losses.
        gradients: the parameters by which task gradients are computed, for balancers that use
            them: the weights of the last shared layer, or every parameter of the trunk.
        features: feature set of the schema; `default` is the schema's default. The hemodialysis
            workbook has `pretreatment` (known before the session), which is its default, and
            `seed` (as published; it contains values that follow from the prescription itself).
        targets: values scaled on the training rows, see `prepare`, or raw.
    """

    hidden: Annotated[
        tuple[Width, ...], Layers(IntRange(1, 4), OneOf(16, 32, 64, 128)), Field(min_length=1)
    ] = (
        64,
        32,
        16,
    )
    lr: Annotated[float, LogUniform(1e-4, 3e-2), Field(gt=0)] = 1e-2
    batch_size: Annotated[int, OneOf(8, 16, 32, 64), Field(ge=1)] = 32
    weight_decay_epochs: Annotated[float | None, LogUniform(1.0, 1e3), Field(gt=0)] = 100.0
    dropout: Annotated[float, Uniform(0.0, 0.5), Field(ge=0, lt=1)] = 0.0
    input_noise: Annotated[float, Uniform(0.0, 0.6), Field(ge=0)] = 0.0
    linear_path: Annotated[bool, OneOf(False, True)] = False  # noqa: FBT003 - the choices
    balancer: InstanceOf[Balancer[Any]] = Equal()
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 100
    schedule: Literal["constant", "cosine"] = "constant"
    heads: Literal["base_rates", "random"] = "base_rates"
    reduction: Literal["sum", "mean"] = "mean"
    gradients: Over = "last"
    features: str = "default"
    targets: Literal["standard", "raw"] = "standard"
