"""Prints how fast the model server is ready, what a worker holds in memory, and how large its image is.

Usage: python bench/serving_start.py [--starts 7]

Three models that ship with the repository, one core, tokens demanded everywhere. Cold start: from the process to the
first 200 of the readiness path; Python's compiled files exist, as in the image. Memory: resident, after the start and
after 2,000 predictions. The image is the newest one in the index of `cryo images`; without one its size is left out.
RDKit and its libraries have no layer of their own, so their files are counted apart.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx
import jwt

sys.path.insert(0, str(Path(__file__).parent))
from report import ROOT, report
from serving_parts import ServerUnderTest

sys.path.insert(0, str(ROOT))
from cryo.settings import read_settings
from model_server.serve.settings import RELEASED_DIR
from toolchain.images import read_index
from toolchain.images.archive import read_archive

_MODELS = "tg,iri-amino,viability-wetlab"
_IMAGE = "model-server"
_RDKIT = "opt/app/site/rdkit"
_SMILES = tuple("C" * (n % 20 + 1) + "O" + "C" * (n // 20) for n in range(400))


def measure_starts(folder: Path, starts: int) -> dict[str, float]:
    """Start several times; predict with the last one."""
    secret = folder / "secret"
    secret.write_text("k" * 64)
    claims = {"sub": "bench", "exp": time.time() + 3600, "cryo_role": "operator"}
    head = {"authorization": f"Bearer {jwt.encode(claims, 'k' * 64)}"}
    ready, cpu, memory = [], [], []
    for turn in range(-(-starts // 3)):
        with ServerUnderTest(RELEASED_DIR, folder, secret, _MODELS) as server:
            ready.append(server.ready_after_s)
            cpu.append(server.cpu_s())
            memory.append(server.memory_mb())
            if turn == 0:
                with httpx.Client(base_url=server.url, headers=head) as client:
                    for n in range(2000):
                        body = {"target": "tg", "inputs": [{"smiles": _SMILES[n % len(_SMILES)]}]}
                        client.post("/api/v1/predictions", json=body).raise_for_status()
                used = server.memory_mb()
    return {
        "ready_s": round(statistics.median(ready), 2),
        "ready_slowest_s": max(ready),
        "start_cpu_s": round(statistics.median(cpu), 2),
        "worker_memory_mb": round(statistics.median(memory), 1),
        "worker_memory_used_mb": used,
    }


def measure_image() -> dict[str, float]:
    """Sizes in units of 10^6 bytes: the archive as it travels, and the files as they lie."""
    image = read_index(read_settings(os.environ).images_index).images.get(_IMAGE)
    if image is None or not image.archive.exists():
        print(f"no image {_IMAGE} in the index: run `make images` for its size", file=sys.stderr)
        return {}
    sizes = {path: entry.size_bytes for path, entry in read_archive(image.archive).files.items()}
    files, rdkit = sum(sizes.values()), sum(size for path, size in sizes.items() if path.startswith(_RDKIT))
    return {
        "image_compressed_mb": round(image.size_bytes / 1e6, 1),
        "image_files_mb": round(files / 1e6, 1),
        "image_rdkit_files_mb": round(rdkit / 1e6, 1),
        "image_without_rdkit_files_mb": round((files - rdkit) / 1e6, 1),
    }


def main() -> int:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=9, help="at least 3")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        figures = measure_starts(Path(temporary), max(3, options.starts))
    figures |= measure_image()
    report("serving_start", figures, {}, models=_MODELS, load_average_at_end=round(os.getloadavg()[0], 2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
