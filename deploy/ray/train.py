"""One training on a Ray cluster. Each process of it runs in an actor: the first one trains, the others are its ranks.

    ray job submit --working-dir deploy/ray -- python train.py --ranks 4 --config_file /data/run.toml

The nodes have the command `lllite`, and see the checkpoint at the same path. Options after `--` go to `lllite train`.
"""

import argparse
import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys

import ray
from ray.util.placement_group import placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

PR_SET_PDEATHSIG = 1


def end_with_actor():
    """Lets the system send SIGTERM to the process when its actor has ended. The training then saves its state."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


# A thread of its own can stop the process that another one waits for.
@ray.remote(max_concurrency=2)
class Place:
    """A place on a node for one process of the training."""

    def __init__(self):
        self.child = None

    def address(self):
        """The node's address, and a port that is free now."""
        with socket.socket() as free:
            free.bind(("", 0))
            return ray.util.get_node_ip_address(), free.getsockname()[1]

    def run(self, command, token):
        """Runs a command, and gives its exit code."""
        environment = {**os.environ, "LLLITE_RANKS_TOKEN": token}
        self.child = subprocess.Popen(command, env=environment, preexec_fn=end_with_actor)
        return self.child.wait()

    def stop(self):
        if self.child is not None:
            self.child.terminate()


def main():
    parser = argparse.ArgumentParser(description="Trains an LLLite on a Ray cluster.")
    parser.add_argument("--ranks", type=int, default=2, help="processes of the training")
    parser.add_argument("--config_file", required=True, help="TOML file of the training, at the same path on all nodes")
    parser.add_argument("--cpus", type=float, default=1, help="CPUs of each process")
    parser.add_argument("--gpus", type=float, default=0, help="graphics cards of each process")
    parser.add_argument("options", nargs="*", help="options of lllite train, after --")
    asked = parser.parse_args()

    ray.init()
    resources = {"CPU": asked.cpus, **({"GPU": asked.gpus} if asked.gpus > 0 else {})}
    group = placement_group([resources] * asked.ranks, strategy="SPREAD")
    ray.get(group.ready())
    places = [
        Place.options(
            num_cpus=asked.cpus,
            num_gpus=asked.gpus,
            scheduling_strategy=PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=index),
        ).remote()
        for index in range(asked.ranks)
    ]
    host, port = ray.get(places[0].address.remote())
    config = ["--config_file", asked.config_file]
    ranks = ["--ranks", str(asked.ranks), "--rank_address", f"{host}:{port}"]
    token = secrets.token_hex(16)
    training = places[0].run.remote(["lllite", "train", *config, *ranks, *asked.options], token)
    helpers = [
        place.run.remote(["lllite", "rank", f"{host}:{port}", *config, "--name", f"rank {index}"], token)
        for index, place in enumerate(places[1:], 1)
    ]

    # `ray job stop` sends SIGTERM to this process.
    signal.signal(signal.SIGTERM, lambda *_: places[0].stop.remote())
    code = ray.get(training)
    # Ranks end with the training. One that was too late to join is not waited for.
    if helpers:
        ray.wait(helpers, num_returns=len(helpers), timeout=10)
    sys.exit(code)


main()
