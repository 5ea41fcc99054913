"""Checks that nodes see the study's folder, and reports nodes that join or are lost."""

import time
from pathlib import Path
from typing import Any

import ray
from ray.tune import Callback
from ray.tune.experiment import Trial
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from rich.console import Console

from hemomodel.errors import InputError
from study.store.study_folder import StudyFolder

__all__ = ["NodeMonitor", "check_shared"]

_EVERY = 1.0  # seconds between two checks of the nodes; a check takes the driver a millisecond
_PATIENCE = 60.0  # seconds for a node to start a process and write a file


def check_shared(folder: StudyFolder) -> None:
    """Checks that the driver can read what each other node writes into the study's folder.

    Raises:
        InputError: a node cannot write into the folder, or the driver cannot read its file.
    """
    here = ray.get_runtime_context().get_node_id()
    asked = {name: _ask(node, folder) for node, name in _alive().items() if node != here}
    if not asked:
        return
    ray.wait(list(asked.values()), num_returns=len(asked), timeout=_PATIENCE)
    for name, answer in asked.items():
        if not _answered(answer, folder):
            raise InputError(
                f"node {name} cannot read and write {folder.root}, where trials save checkpoints; "
                "give --out a folder that all nodes share, or remove the node from the cluster"
            )


class NodeMonitor(Callback):
    """Prints one line for each node that joins or is lost during the search."""

    def __init__(self, console: Console, folder: StudyFolder) -> None:
        self._console, self._folder = console, folder
        self._known = _alive()
        self._asked: dict[str, Any] = {}
        self._looked = time.monotonic()

    def __getstate__(self) -> dict[str, Any]:
        """Adds nothing to Tune's snapshot, which is written but never read."""
        return {}

    def on_step_end(self, iteration: int, trials: list[Trial], **_: Any) -> None:
        """Checks the nodes, at most once per second."""
        if time.monotonic() >= self._looked + _EVERY:
            self._looked = time.monotonic()
            self._look()

    def on_experiment_end(self, trials: list[Trial], **_: Any) -> None:
        """Checks once more, because Ray reports a lost node only after some seconds."""
        self._look()

    def _look(self) -> None:
        now = _alive()
        for node in self._known.keys() - now.keys():
            self._asked.pop(node, None)
            self._say(f"node {self._known[node]} was lost; its trials resume on other nodes")
        for node in now.keys() - self._known.keys():
            self._asked[node] = _ask(node, self._folder)
            self._say(f"node {now[node]} joined")
        self._known = now
        ready, _waiting = (
            ray.wait(list(self._asked.values()), timeout=0) if self._asked else ([], [])
        )
        for node in [node for node, answer in self._asked.items() if answer in ready]:
            if not _answered(self._asked.pop(node), self._folder):
                self._say(
                    f"node {now[node]} cannot write {self._folder.root}: its trials save no "
                    "checkpoints, and start from the beginning if the node is lost"
                )

    def _say(self, line: str) -> None:
        self._console.print(line, style="yellow", highlight=False, soft_wrap=True)


def _alive() -> dict[str, str]:
    """Returns the live nodes: id -> address and the first digits of the id."""
    return {
        node["NodeID"]: f"{node['NodeManagerAddress']} ({node['NodeID'][:6]})"
        for node in ray.nodes()
        if node["Alive"]
    }


def _ask(node: str, folder: StudyFolder) -> Any:
    where = NodeAffinitySchedulingStrategy(node, soft=False)
    return _touch.options(scheduling_strategy=where).remote(str(folder.checkpoints), node)


def _answered(answer: Any, folder: StudyFolder) -> bool:
    """Returns whether the driver finds the file that the node wrote."""
    try:
        written = folder.checkpoints / ray.get(answer, timeout=0)
        written.unlink()
    except (OSError, ray.exceptions.RayError):
        return False
    return True


@ray.remote(num_cpus=0, max_retries=0)  # type: ignore[untyped-decorator]
def _touch(checkpoints: str, node: str) -> str:
    path = Path(checkpoints) / f"node-{node[:12]}"
    path.write_bytes(b"")
    return path.name
