"""Where trials train, and which resources each trial requests from Ray."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import ray

from hemomodel.errors import InputError
from study.settings.settings import Settings

__all__ = ["Device", "choose_device"]

_PATIENCE = 60.0  # seconds to wait for a process with a share of a GPU


@dataclass(frozen=True)
class Device:
    """The device that a trial trains on.

    Attributes:
        name: the name of the device in torch.
        gpus: the share of a GPU that each trial requests; 0 on the CPU.
    """

    name: Literal["cpu", "cuda"] = "cpu"
    gpus: float = 0.0

    @property
    def request(self) -> dict[str, float]:
        """The resources that one trial requests."""
        return {"cpu": 1, "gpu": self.gpus} if self.gpus else {"cpu": 1}

    def places(self, resources: Mapping[str, float]) -> int:
        """Returns how many trials can run simultaneously on these resources, at least one."""
        cpus = int(resources.get("CPU", 0))
        # Ray assigns shares of single GPUs: three trials of 0.3 fit on one GPU, four never do.
        gpus = int(resources.get("GPU", 0)) * int(1 / self.gpus) if self.gpus else cpus
        return max(1, min(cpus, gpus))


def choose_device(settings: Settings) -> Device:
    """Returns the device for the trials of a study; `auto` means CUDA if the cluster has it.

    Raises:
        InputError: CUDA is requested, but the cluster has no GPU or its torch cannot use CUDA; or
            no GPU is free in time.
    """
    if settings.device == "cpu":
        return Device()
    if not ray.cluster_resources().get("GPU"):
        if settings.device == "auto":
            return Device()
        raise InputError(
            "--device cuda: the Ray cluster has no GPU (`ray status` lists what it has); "
            "use --device cpu, or start a node with `ray start --num-gpus`"
        )
    device = Device("cuda", settings.gpus_per_trial)
    asked = _sees_cuda.options(num_gpus=device.gpus).remote()
    if not ray.wait([asked], timeout=_PATIENCE)[0]:
        ray.cancel(asked)
        raise InputError(
            f"--device {settings.device}: no GPU of the cluster was free within {_PATIENCE:.0f} s; "
            "wait until a GPU is free, or use --device cpu"
        )
    if ray.get(asked):
        return device
    if settings.device == "auto":
        return Device()
    raise InputError(
        "--device cuda: the cluster has a GPU, but torch cannot use CUDA there; install a build of "
        "torch with CUDA on its nodes, or use --device cpu"
    )


@ray.remote(num_cpus=0)  # type: ignore[untyped-decorator]
def _sees_cuda() -> bool:
    import torch  # only on the worker

    return torch.cuda.is_available()
