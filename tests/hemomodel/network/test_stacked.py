"""The manual backward pass and Gramian, against torch.autograd on ordinary layers."""

import pytest
import torch
from torch.nn import functional

from hemomodel.network.gradients import TaskGradients, lengths_and_cosines
from hemomodel.network.gramian import task_gramian, task_norms, trunk_gramian
from hemomodel.network.heads import HeadLayout
from hemomodel.network.single_task import SingleTaskNetworks
from hemomodel.network.stacked import StackedNetwork
from hemomodel.prng import replicate_keys
from hemomodel.schema.schema import load_schema
from tests.support.task_kinds import ordinary_loss, schema_of_all_kinds

TASKS = schema_of_all_kinds(load_schema()).tasks
PAIRS = [(0, 0), (0, 1), (3, 2)]


def problem(hidden, rows=5, inputs=7, seed=0, linear_path=False):
    """Returns a network, its layout, features and targets."""
    torch.manual_seed(seed)
    layout = HeadLayout(TASKS)
    network = StackedNetwork(
        (inputs, *hidden, layout.width),
        replicate_keys(PAIRS),
        torch.get_default_dtype(),
        linear_path=linear_path,
    )
    x = torch.randn(len(PAIRS), rows, inputs)
    blocks = [
        {
            "regression": torch.randn(len(PAIRS), rows, 1),
            "count": torch.poisson(torch.full((len(PAIRS), rows, 1), 1.5)) / 1.5,
        }.get(
            task.kind,
            functional.one_hot(torch.randint(task.size, (len(PAIRS), rows)), task.size),
        )
        for task in TASKS
    ]
    return network, layout, x, torch.cat(blocks, -1).to(x)


def reference_losses(weights, biases, x, y, direct=0.0):
    """Returns the task losses (T,) of one replicate, for autograd; `direct` is added to outputs."""
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        x = x @ weight + bias
        if layer < len(weights) - 2:
            x = x.relu()
    sizes = [task.size for task in TASKS]
    parts = zip(TASKS, (x + direct).split(sizes, 1), y.split(sizes, 1), strict=True)
    return torch.stack([ordinary_loss(task.kind, out, target) for task, out, target in parts])


@pytest.mark.parametrize("hidden", [(4,), (6, 4), (8, 6, 4), (8, 8, 6, 4)], ids=str)
@pytest.mark.usefixtures("double")
def test_losses_and_gradients_are_those_of_autograd(hidden):
    network, layout, x, y = problem(hidden)
    task_weights = torch.rand(len(PAIRS), len(TASKS))
    flow = network.forward(x)
    losses, slopes = layout.losses(flow[-1], y)
    network.backward(flow, slopes * task_weights[:, layout.task_of].unsqueeze(1))
    for r in range(len(PAIRS)):
        parameters = [
            [part[r].detach().clone().requires_grad_() for part in parts]
            for parts in (network.weights, network.biases)
        ]
        expected = reference_losses(*parameters, x[r], y[r])
        torch.testing.assert_close(losses[r], expected.detach(), rtol=1e-12, atol=1e-12)
        (expected * task_weights[r]).sum().backward()
        for ours, theirs in (
            (network.weight_gradients, parameters[0]),
            (network.bias_gradients, parameters[1]),
        ):
            for mine, other in zip(ours, theirs, strict=True):
                torch.testing.assert_close(mine[r], other.grad, rtol=1e-10, atol=1e-12)


@pytest.mark.usefixtures("double")
def test_the_linear_path_has_the_gradient_of_autograd_and_no_part_in_the_gramian():
    network, layout, x, y = problem((8, 6, 4), linear_path=True)
    network.direct.normal_(generator=torch.Generator().manual_seed(1))
    flow = network.forward(x)
    losses, slopes = layout.losses(flow[-1], y)
    network.backward(flow, slopes)
    gramians = [kind(network, flow, slopes, layout) for kind in (task_gramian, trunk_gramian)]
    for r in range(len(PAIRS)):
        direct = network.direct[r].clone().requires_grad_()
        weights = [weight[r].clone().requires_grad_() for weight in network.weights]
        biases = [bias[r].clone().requires_grad_() for bias in network.biases]
        expected = reference_losses(weights, biases, x[r], y[r], x[r] @ direct)
        torch.testing.assert_close(losses[r], expected.detach(), rtol=1e-12, atol=1e-12)
        shared = [*weights[:-1], *biases[:-1]]
        rows = [torch.autograd.grad(loss, shared, retain_graph=True) for loss in expected]
        jacobian = torch.stack([torch.cat([part.flatten() for part in row]) for row in rows])
        torch.testing.assert_close(gramians[1][r], jacobian @ jacobian.T, rtol=1e-10, atol=1e-14)
        last = torch.stack([row[len(weights) - 2].flatten() for row in rows])
        torch.testing.assert_close(gramians[0][r], last @ last.T, rtol=1e-10, atol=1e-14)
        expected.sum().backward()
        gradients = [*network.weight_gradients, network._direct_gradient]
        for mine, other in zip(gradients, [*weights, direct], strict=True):
            torch.testing.assert_close(mine[r], other.grad, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("rows", [1, 5, 40], ids="{} rows".format)
@pytest.mark.usefixtures("double")
def test_gramian_is_that_of_autograd(rows):
    network, layout, x, y = problem((8, 30, 20), rows=rows)
    flow = network.forward(x)
    _, slopes = layout.losses(flow[-1], y)
    ours = task_gramian(network, flow, slopes, layout)
    norms = task_norms(network, flow, slopes, layout)
    for r in range(len(PAIRS)):
        weights = [weight[r].detach().clone().requires_grad_() for weight in network.weights]
        biases = [bias[r].detach().clone() for bias in network.biases]
        losses = reference_losses(weights, biases, x[r], y[r])
        rows = [torch.autograd.grad(loss, weights[-2], retain_graph=True)[0] for loss in losses]
        jacobian = torch.stack([row.flatten() for row in rows])
        torch.testing.assert_close(ours[r], jacobian @ jacobian.T, rtol=1e-10, atol=1e-14)
        torch.testing.assert_close(norms[r], jacobian.norm(dim=1), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("rows", [1, 5, 40], ids="{} rows".format)
@pytest.mark.parametrize("dropout", [False, True], ids=["plain", "dropout"])
@pytest.mark.usefixtures("double")
def test_the_gramian_over_the_trunk_counts_every_shared_parameter(rows, dropout):
    network, layout, x, y = problem((8, 30, 20), rows=rows)
    masks = [torch.rand(len(PAIRS), rows, w).round() * 2 for w in (8, 30)] if dropout else []
    flow = network.forward(x, masks)
    _, slopes = layout.losses(flow[-1], y)
    ours = trunk_gramian(network, flow, slopes, layout, masks)
    jacobian = []
    for task in range(len(TASKS)):
        network.backward(flow, slopes * layout.member[:, task], masks)
        shared = (*network.weight_gradients[:-1], *network.bias_gradients[:-1])
        jacobian.append(torch.cat([part.flatten(1) for part in shared], 1))
    rows_of = torch.stack(jacobian, 1)
    torch.testing.assert_close(ours, rows_of @ rows_of.mT, rtol=1e-10, atol=1e-14)


@pytest.mark.usefixtures("double")
def test_the_trunk_can_see_other_slopes_than_the_heads():
    network, layout, x, y = problem((8, 6, 4))
    flow = network.forward(x)
    _, slopes = layout.losses(flow[-1], y)
    found = {}
    for name, arguments in {"both": (slopes,), "apart": (slopes, (), 3 * slopes)}.items():
        network.backward(flow, *arguments)
        found[name] = [part.clone() for part in network.weight_gradients]
    torch.testing.assert_close(found["apart"][-1], found["both"][-1])
    for apart, both in zip(found["apart"][:-1], found["both"][:-1], strict=True):
        torch.testing.assert_close(apart, 3 * both)


@pytest.mark.parametrize("over", ["last", "trunk"])
@pytest.mark.usefixtures("double")
def test_separate_networks_train_each_task_alone(over):
    _, layout, x, y = problem((8, 6, 4))
    network = SingleTaskNetworks((7, 8, 6, 4, layout.width), replicate_keys(PAIRS), x.dtype, layout)
    flow = network.forward(x)
    _, slopes = layout.losses(flow[-1], y)
    network.backward(flow, slopes)
    inner = network.stacked
    norms = TaskGradients(network, flow, slopes, layout, (), over).norms()
    gramian = TaskGradients(network, flow, slopes, layout, (), over).gramian()
    lengths, cosines = lengths_and_cosines(gramian)
    torch.testing.assert_close(cosines, torch.eye(len(TASKS)).expand_as(gramian))
    torch.testing.assert_close(lengths, norms)
    for number in range(len(PAIRS) * len(TASKS)):
        r, task = divmod(number, len(TASKS))
        parameters = [
            [part[number].detach().clone().requires_grad_() for part in parts]
            for parts in (inner.weights, inner.biases)
        ]
        reference_losses(*parameters, x[r], y[r])[task].backward()
        grads = [[part.grad for part in parts] for parts in parameters]
        for ours, theirs in zip(inner.weight_gradients, grads[0], strict=True):
            torch.testing.assert_close(ours[number], theirs, rtol=1e-10, atol=1e-12)
        counted = grads[0][-2:-1] if over == "last" else [*grads[0][:-1], *grads[1][:-1]]
        expected = torch.cat([grad.flatten() for grad in counted]).norm()
        torch.testing.assert_close(norms[r, task], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.usefixtures("double")
def test_an_unknown_label_has_no_loss_and_no_slope():
    network, layout, x, y = problem((8, 6, 4), rows=6)
    known = (torch.rand(len(PAIRS), 6, len(TASKS)) > 0.4).double()
    known[1, :, 3] = 0
    outputs = network.forward(x)[-1]
    losses, slopes = layout.losses(outputs, y, known)
    for r in range(len(PAIRS)):
        for task in range(len(TASKS)):
            rows = known[r, :, task] > 0
            if rows.any():
                alone, own = layout.losses(outputs[r : r + 1, rows], y[r : r + 1, rows])
                torch.testing.assert_close(losses[r, task], alone[0, task])
                mine = slopes[r, rows] * layout.member[:, task]
                torch.testing.assert_close(mine, own[0] * layout.member[:, task])
            assert (slopes[r, ~rows] * layout.member[:, task] == 0).all()
    assert losses[1, 3] == 0
    every = layout.losses(outputs, y, torch.ones_like(known))
    for ours, plain in zip(every, layout.losses(outputs, y), strict=True):
        torch.testing.assert_close(ours, plain)


@pytest.mark.usefixtures("double")
def test_dropout_masks_enter_forward_and_backward():
    network, layout, x, y = problem((8, 6, 4))
    masks = [torch.rand(len(PAIRS), 5, width).round() * 2 for width in (8, 6)]
    flow = network.forward(x, masks)
    losses, slopes = layout.losses(flow[-1], y)
    network.backward(flow, slopes, masks)
    analytic = network.gradient.clone()
    step = 1e-6
    for index in range(0, len(network.parameters), 97):
        network.parameters[index] += step
        moved = layout.losses(network.forward(x, masks)[-1], y)[0]
        network.parameters[index] -= step
        numeric = (moved - losses).sum() / step
        assert abs(numeric - analytic[index]) < 1e-4


def test_initial_weights_are_those_of_linear_layers():
    network = StackedNetwork((36, 64, 32, 16, 47), replicate_keys(PAIRS * 20), torch.float32)
    for weight, bias in zip(network.weights, network.biases, strict=True):
        bound = weight.shape[1] ** -0.5
        for part in (weight, bias):
            assert part.abs().max() <= bound
            assert part.std() == pytest.approx(bound / 3**0.5, rel=0.05)


@pytest.mark.parametrize("linear_path", [False, True])
def test_the_buffer_holds_every_parameter_once(linear_path):
    network = StackedNetwork(
        (5, 4, 3), replicate_keys(PAIRS), torch.float32, linear_path=linear_path
    )
    network.parameters.copy_(torch.arange(len(network.parameters)))
    weights = [*network.weights, *([network.direct] if linear_path else [])]
    parts = [part.flatten() for part in (*weights, *network.biases)]
    assert torch.cat(parts).sort().values.equal(network.parameters)
    weights = torch.cat([part.flatten() for part in weights])
    assert weights.sort().values.equal(network.all_weights)
    assert (network.direct is not None) == linear_path


@pytest.mark.usefixtures("double")
def test_outputs_and_predictions_are_inverse_for_every_kind_of_task():
    network, layout, x, _ = problem((4,))
    outputs, offset = network.forward(x)[-1], torch.zeros(1, 1, layout.width)
    offset[..., layout.regression[layout.task_of]] = 250.0
    natural = layout.natural(outputs, offset, torch.tensor(3.0))
    again = layout.natural(
        layout.outputs_for(natural, offset, torch.tensor(3.0)), offset, torch.tensor(3.0)
    )
    torch.testing.assert_close(again, natural, rtol=1e-10, atol=1e-10)


@pytest.mark.usefixtures("double")
def test_heads_that_start_at_outputs_predict_them_and_pass_a_gradient():
    network, layout, x, y = problem((8, 6, 4))
    plain = network.forward(x)[-1]
    wanted = torch.randn(len(PAIRS), layout.width)
    heads = network.weights[-1].clone()
    network.start_heads_at(wanted)
    torch.testing.assert_close(network.weights[-1], 0.1 * heads)
    flow = network.forward(x)
    assert (flow[-1] - wanted.unsqueeze(1)).abs().max() < 0.1 * plain.abs().max() + 1e-12
    _, slopes = layout.losses(flow[-1], y)
    assert (task_norms(network, flow, slopes, layout) > 0).all()


@pytest.mark.usefixtures("double")
def test_a_flow_is_compared_row_by_row():
    """The original compared (B, 1) with (B,), so the batch mean was optimal for every row."""
    layout = HeadLayout(TASKS)
    column = next(i for i, value in enumerate(layout.is_value) if value)
    targets = torch.zeros(1, 6, layout.width)
    targets[0, :, column] = torch.arange(6.0)
    perfect = layout.losses(targets, targets)[0]
    batch_mean = targets.clone()
    batch_mean[0, :, column] = 2.5
    task = int(layout.task_of[column])
    assert perfect[0, task] == 0
    assert layout.losses(batch_mean, targets)[0][0, task] == pytest.approx(35 / 12)


@pytest.mark.usefixtures("double")
def test_extreme_logits_stay_finite():
    layout = HeadLayout(TASKS)
    outputs = torch.zeros(1, 1, layout.width)
    outputs[0, 0, ::2] = 1e4
    targets = torch.zeros_like(outputs)
    targets[0, 0, layout.starts] = 1
    losses, slopes = layout.losses(outputs, targets)
    assert torch.isfinite(losses).all()
    assert torch.isfinite(slopes).all()
