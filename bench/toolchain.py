"""Builds the Go tools from nothing and measures CPU time and size; takes about a quarter of an hour on 2 idle cores.

With --unpatched the provider is also built with its whole typed SDK, for comparison; that needs 3 GB of memory.
Usage: python bench/toolchain.py [--only NAME] [--unpatched]
"""

import argparse
import dataclasses
import os
import resource
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from report import report

from toolchain.build import build_tools
from toolchain.pins import Tool, read_tools

PROVIDER = "pulumi-resource-kubernetes"


def cpu_s() -> float:
    """CPU seconds of all ended children so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def build(tool: Tool, cache: Path) -> tuple[float, float]:
    """CPU minutes and megabytes of one tool."""
    before_s = cpu_s()
    (folder,) = build_tools((tool,), cache, print)
    size_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return round((cpu_s() - before_s) / 60, 1), round(size_bytes / 1e6)


def main() -> int:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="one tool instead of all")
    parser.add_argument("--unpatched", action="store_true")
    chosen = parser.parse_args()
    tools = [tool for tool in read_tools() if chosen.only in {None, tool.name}]
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GOCACHE"] = f"{folder}/go-build"
        for tool in tools:
            cpu_min, size_mb = build(tool, Path(folder))
            figures |= {f"{tool.name}_cpu_min": cpu_min, f"{tool.name}_mb": size_mb}
        if chosen.unpatched:
            shutil.rmtree(f"{folder}/go-build")
            provider = next(tool for tool in read_tools() if tool.name == PROVIDER)
            cpu_min, size_mb = build(dataclasses.replace(provider, patches=()), Path(folder) / "unpatched")
            figures |= {"unpatched_provider_cpu_min": cpu_min, "unpatched_provider_mb": size_mb}
    figures["all_cpu_min"] = round(sum(value for name, value in figures.items() if name.endswith("_cpu_min")), 1)
    report("toolchain", figures, {"reference": "31 CPU-minutes without CoreDNS and Prometheus"})
    return 0


if __name__ == "__main__":
    sys.exit(main())
