"""Where trials train, and what each of them asks Ray for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import ray

from hemomodel.errors import InputError
from study.settings.settings import Settings

__all__ = ["Device", "choose_device"]

_PATIENCE = 60.0  # seconds for a process with a share of a GPU


@dataclass(frozen=True)
class Device:
    """What a trial trains on.

    Attributes:
        name: as torch calls it.
        gpus: the share of a GPU that each trial asks for; 0 on the CPU.
    """

    name: Literal["cpu", "cuda"] = "cpu"
    gpus: float = 0.0

    @property
    def request(self) -> dict[str, float]:
        """The resources of one trial."""
        return {"cpu": 1, "gpu": self.gpus} if self.gpus else {"cpu": 1}

    def places(self, resources: Mapping[str, float]) -> int:
        """Returns how many trials run at once on these resources, at least one."""
        cpus = int(resources.get("CPU", 0))
        # Ray hands out shares of single GPUs: three trials of 0.3 fit one, and never four.
        gpus = int(resources.get("GPU", 0)) * int(1 / self.gpus) if self.gpus else cpus
        return max(1, min(cpus, gpus))


def choose_device(settings: Settings) -> Device:
    """Returns where the trials of a study train: `auto` means CUDA if the cluster has it.

    Raises:
        InputError: CUDA is asked for and the cluster has none, or its torch cannot use it.
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
            "wait until others have ended, or use --device cpu"
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
    import torch  # on the worker alone

    return torch.cuda.is_available()
