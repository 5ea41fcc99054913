"""A Ray cluster of several nodes on this machine, started and ended by process id."""

import os
import secrets
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ray.util import get_node_ip_address

from study.verification.processes import children_of, kill
from tests.support.processes import free_port

RAY = Path(sys.executable).with_name("ray")


class Cable:
    """A virtual cable to a separate network: the head is at one end, a node at the other."""

    HEAD, NODE = "10.213.77.1", "10.213.77.2"

    def __init__(self):
        name = secrets.token_hex(4)
        self.room, self._end, self._other = f"room-{name}", f"va{name}", f"vb{name}"

    def __enter__(self):
        self._ip("netns", "add", self.room)
        try:
            self._lay()
        except subprocess.CalledProcessError:
            self._ip("netns", "del", self.room)
            raise
        return self

    def __exit__(self, *_):
        self._ip("netns", "del", self.room)  # this also removes the cable

    def _lay(self):
        other = self._other
        self._ip("link", "add", self._end, "type", "veth", "peer", other, "netns", self.room)
        for room, end, address in (
            ([], self._end, self.HEAD),
            (["-n", self.room], other, self.NODE),
        ):
            self._ip(*room, "addr", "add", f"{address}/30", "dev", end)
            self._ip(*room, "link", "set", end, "up")
        self._ip("-n", self.room, "link", "set", "lo", "up")

    @staticmethod
    def _ip(*words):
        subprocess.run(["ip", *words], check=True, capture_output=True, text=True)

    def cut(self):
        self._ip("link", "set", self._end, "down")


class Cluster:
    """A head with a token; nodes can be added on this machine or at the other end of a cable."""

    def __init__(self, folder, environment, *, cable=None, **head):
        self.port, self.dashboard, self._cable = free_port(), free_port(), cable
        ip = cable.HEAD if cable else get_node_ip_address()
        self.address = f"{ip}:{self.port}"
        self.env = {
            **os.environ,
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_USAGE_STATS_ENABLED": "0",
            "PATH": f"{RAY.parent}:{os.environ['PATH']}",  # as in an activated virtual environment
            # A lost node is noticed within two seconds; with Ray's defaults, within fifteen.
            "RAY_health_check_initial_delay_ms": "0",
            "RAY_health_check_period_ms": "500",
            "RAY_health_check_failure_threshold": "3",
            "RAY_health_check_timeout_ms": "1000",
            **environment,
        }
        self._folder, self._started, self._places = folder, [], []
        dashboard = head.pop("dashboard", False)
        self.start(
            "--head", f"--port={self.port}", f"--node-ip-address={ip}",
            f"--include-dashboard={dashboard}", f"--dashboard-port={self.dashboard}",
            f"--ray-client-server-port={free_port()}", "--min-worker-port=0", "--max-worker-port=0",
            **head,
        )  # fmt: skip

    def start(self, *flags, before=(), **options):
        """Starts a node and returns its process; its children are the node's other processes."""
        options = {
            "num_cpus": 1,
            "object_store_memory": 80_000_000,
            "dashboard_agent_listen_port": free_port(),  # Ray's default is a fixed port
            **options,
        }
        # Each node has its own folder, as on a separate machine; sockets need a short path.
        place = TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True)
        self._places.append(place)
        options["temp_dir"] = place.name
        named = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
        with (self._folder / f"node-{len(self._started)}.log").open("wb") as log:
            node = subprocess.Popen(
                [*before, RAY, "start", *flags, *named, "--block"],
                env=self.env,
                stdout=log,
                stderr=log,
            )
        self._started.append(node)
        return node

    def join(self, **options):
        if self._cable:
            options["node_ip_address"] = self._cable.NODE
            options["before"] = ("ip", "netns", "exec", self._cable.room)
        return self.start(f"--address={self.address}", **options)

    def lose(self, node):
        """Kills all processes of a node at once, as a power failure would."""
        kill([node.pid, *children_of(node.pid)])
        node.wait()

    def ready(self, nodes, patience=90):
        """Waits until this number of nodes is alive."""
        code = (
            f"import ray; ray.init({self.address!r}, logging_level=50, log_to_driver=False);"
            "print(sum(n['Alive'] for n in ray.nodes()))"
        )
        end = time.monotonic() + patience
        while time.monotonic() < end and self._started[0].poll() is None:
            done = subprocess.run(
                [sys.executable, "-c", code],
                env=self.env,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.stdout.strip() == str(nodes):
                return
        raise AssertionError((self._folder / "node-0.log").read_text())

    def end(self):
        for node in reversed(self._started):
            if node.poll() is None:
                self.lose(node)
        for place in self._places:
            place.cleanup()


@contextmanager
def cluster(folder, environment=(), **head):
    made = Cluster(folder, dict(environment), **head)
    try:
        yield made
    finally:
        made.end()
