"""The hash that names an image: pure, over the digests of everything that goes into it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict

from toolchain.images.spec import BUILDER_FORMAT, SITE_WITHOUT, ImageSpec

# Contract with infra and the cluster: 64 bits are plenty for a handful of images, and read well in `kubectl get pods`.
HASH_LENGTH = 16


def file_digest(content: bytes, *, executable: bool) -> str:
    """Digest a file's content and its executable bit; times, owners and other mode bits do not count."""
    mode = "x" if executable else "-"
    return f"{mode}:{hashlib.sha256(content).hexdigest()}"


def text_digest(text: str) -> str:
    """Digest a text such as the lock file's excerpt of one dependency group."""
    return hashlib.sha256(text.encode()).hexdigest()


def content_hash(spec: ImageSpec, inputs: Mapping[str, str]) -> str:
    """Hash an image's declaration and its inputs.

    Args:
        spec: the declaration; all of it counts except how long the build takes.
        inputs: digest of each input by its label, such as `agents/migrate/apply.py` or `image base`.

    Returns:
        The first 16 hexadecimal digits of the SHA-256.
    """
    declaration = asdict(spec)
    del declaration["expected_s"]
    document = {
        "builder": BUILDER_FORMAT,
        "site_without": SITE_WITHOUT if spec.group is not None else (),
        "declaration": declaration,
        "inputs": dict(inputs),
    }
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:HASH_LENGTH]
