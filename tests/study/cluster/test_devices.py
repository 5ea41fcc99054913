"""The device of a trial: its request to Ray, and the same results on CUDA as on the CPU."""

import pytest
import ray
import torch

from hemomodel import FitConfig, InputError, Replicates
from hemomodel.balancers.gradnorm import GradNorm
from hemomodel.dataset.preparation import prepare
from study.analysis.retrain import retrain_finalist
from study.cluster.devices import Device, choose_device
from study.settings.settings import Settings


@pytest.mark.parametrize(
    ("device", "resources", "request_", "places"),
    [
        (Device(), {"CPU": 4.0}, {"cpu": 1}, 4),
        (Device(), {}, {"cpu": 1}, 1),
        (Device("cuda", 0.25), {"CPU": 16.0, "GPU": 2.0}, {"cpu": 1, "gpu": 0.25}, 8),
        (Device("cuda", 0.3), {"CPU": 16.0, "GPU": 2.0}, {"cpu": 1, "gpu": 0.3}, 6),
        (Device("cuda", 0.1), {"CPU": 4.0, "GPU": 1.0}, {"cpu": 1, "gpu": 0.1}, 4),
        (Device("cuda", 1.0), {"CPU": 0.0, "GPU": 1.0}, {"cpu": 1, "gpu": 1.0}, 1),
    ],
    ids=["cpu", "nothing yet", "quarters", "thirds", "few cpus", "no cpu yet"],
)
def test_a_trial_asks_for_its_share(device, resources, request_, places):
    assert device.request == request_
    assert device.places(resources) == places


@pytest.mark.parametrize("share", [0, 1.5])
def test_a_share_is_within_one_gpu(share):
    with pytest.raises(ValueError, match="gpus_per_trial"):
        Settings(gpus_per_trial=share)


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="here is a GPU that torch can use")
@pytest.mark.parametrize(
    ("gpus", "says"),
    [
        pytest.param(0, "--device cuda", marks=pytest.mark.thorough),
        (1, "torch cannot use CUDA there"),
    ],
    ids=["no GPU", "a GPU that is not there"],
)
def test_cuda_that_cannot_be_used_is_refused(gpus, says):
    ray.init(address="local", num_cpus=1, num_gpus=gpus, include_dashboard=False, logging_level=50)
    try:
        assert choose_device(Settings(device="auto")) == Device()
        with pytest.raises(InputError, match=says):
            choose_device(Settings(device="cuda"))
    finally:
        ray.shutdown()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_cuda_trains_what_the_cpu_trains(cohort, double):
    stack = prepare(cohort, Replicates(folds=2, seeds=2, outer_folds=5), with_test=True)
    config = FitConfig(hidden=(16, 8), epochs=4, batch_size=16, balancer=GradNorm())
    on = {device: retrain_finalist(config, stack, device) for device in ("cpu", "cuda")}
    for name in ("validation", "losses", "cosines", "reliability"):
        there, here = (torch.from_numpy(getattr(on[d], name)) for d in ("cuda", "cpu"))
        torch.testing.assert_close(there, here, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(on["cuda"].parameters, on["cpu"].parameters, rtol=1e-6, atol=1e-8)
