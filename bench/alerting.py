"""From a fault to the message that a person reads: seconds, at a real SMTP server and a Slack-compatible one.

Needs the platform up (`make up`) with production's intervals where they matter: the stack's scrape interval is printed.
Each run breaks one thing for real, waits for both messages, mends it and waits for both notices that it is over.
Usage: python bench/alerting.py [--runs 30] [--faults api database]
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "campaigns"))
from alert_sinks import Message, Sinks, open_sinks
from report import CRYO, ROOT, report

HOME = Path(os.environ.get("CRYO_HOME", "/var/lib/cryoprotect"))
SECRET = "alerting-bench"  # noqa: S105 - its name
LIMIT_S = 300.0
CHANNELS = ("mail", "slack")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that a cluster does badly without.

    Attributes:
        alert: what has to be told.
        kind: of the workloads that vanish.
        app: their label.
    """

    alert: str
    kind: str
    app: str


FAULTS = {
    "api": Fault("ApiUnreachable", "deployment", "model-server"),
    "database": Fault("DatabaseUnreachable", "statefulset", "postgres"),
}


def kubectl(*arguments: str) -> str:
    """Run kubectl in the namespace of the applications."""
    folders = subprocess.run([CRYO, "toolchain"], capture_output=True, text=True, check=True).stdout.splitlines()
    kube = dict(line.split(maxsplit=1) for line in folders)["kube"]
    argv = [f"{kube}/bin/kube", "kubectl", f"--kubeconfig={HOME}/cluster/admin.conf", "-n", "cryoprotect", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def update(environments: Path) -> None:
    """Run `pulumi up` with these environment files."""
    variables = {**os.environ, "CRYO_ENVIRONMENTS": str(environments)}
    argv = [CRYO, "pulumi", "up", "--yes", "--skip-preview", "--non-interactive"]
    subprocess.run(argv, env=variables, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def told(sinks: Sinks) -> Iterator[None]:
    """Let Alertmanager deliver to the sinks until the end of the block."""
    url = f"http://{sinks.host}:{sinks.http_port}/slack"
    kubectl("create", "secret", "generic", SECRET, f"--from-literal=slack-url={url}")
    try:
        with tempfile.TemporaryDirectory() as folder:
            environments = Path(folder) / "environments"
            shutil.copytree(ROOT / "environments", environments)
            path = environments / "local.yaml"
            document = yaml.safe_load(path.read_text())
            mail = {"smarthost": f"{sinks.host}:{sinks.smtp_port}", "sender": "a@example.org"}
            mail |= {"recipients": ["b@example.org"], "require_tls": False}
            document["monitoring"] |= {"secret": SECRET, "slack": {"channel": "#alerts"}, "mail": mail}
            document["monitoring"]["ports"] = [sinks.http_port]
            path.write_text(yaml.safe_dump(document))
            update(environments)
        yield
    finally:
        update(ROOT / "environments")
        kubectl("delete", "secret", SECRET)


def measure(fault: Fault, sinks: Sinks) -> tuple[float, float]:
    """Break and mend once; return the seconds until the later channel had the message, and the notice of the end."""
    workload = (fault.kind, "-l", f"app.kubernetes.io/name={fault.app}")
    broken_at = time.time()
    kubectl("scale", *workload, "--replicas=0")
    try:
        wait_for_both(sinks, lambda it: it.title.startswith("[FIRING") and fault.alert in it.title, after=broken_at)
        heard_s = time.time() - broken_at
    finally:
        kubectl("scale", *workload, "--replicas=1")
    kubectl("rollout", "status", *workload, "--timeout=180s")
    mended_at = time.time()
    wait_for_both(sinks, lambda it: it.title.startswith("[RESOLVED") and fault.alert in it.title, after=broken_at)
    return heard_s, time.time() - mended_at


def wait_for_both(sinks: Sinks, wanted: Callable[[Message], bool], *, after: float) -> None:
    """Wait until every channel had such a message later than a moment."""
    for channel in CHANNELS:
        sinks.wait_for(
            lambda it, channel=channel: it.channel == channel and it.at > after and wanted(it), limit_s=LIMIT_S
        )


def summary(name: str, seconds: list[float]) -> dict[str, float]:
    """Median, 95th percentile and worst."""
    ordered = sorted(seconds)
    worst = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    return {
        f"{name}_p50_s": round(statistics.median(ordered), 1),
        f"{name}_p95_s": round(worst, 1),
        f"{name}_max_s": round(ordered[-1], 1),
    }


def main() -> None:
    """Run every fault as often as asked and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--faults", nargs="+", choices=sorted(FAULTS), default=sorted(FAULTS))
    given = parser.parse_args()
    node = kubectl("get", "nodes", "-o", "jsonpath={.items[0].status.addresses[0].address}")
    figures: dict[str, object] = {}
    with open_sinks(node) as sinks, told(sinks):
        for name in given.faults:
            pairs = [measure(FAULTS[name], sinks) for _ in range(given.runs)]
            for heard, ended in pairs:
                print(f"{name}: told after {heard:.1f} s, end told after {ended:.1f} s")
            figures |= summary(f"{name}_told", [heard for heard, _ in pairs])
            figures |= summary(f"{name}_end_told", [ended for _, ended in pairs])
    settings = yaml.safe_load((ROOT / "environments" / "local.yaml").read_text())
    report("alerting", figures, {}, runs=given.runs, scrape_interval_s=settings["prometheus"]["scrape_interval_s"])


if __name__ == "__main__":
    main()
