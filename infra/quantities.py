"""The value types of environment files: CPU, memory, image references, versions and names."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field

# Cited: Kubernetes API conventions, "Quantity": the server stores the canonical form. Anything else would come back
# changed and look like drift, so only the canonical form is accepted here.
_CPU = re.compile(r"(?P<amount>[1-9]\d*)(?P<milli>m?)")
_MEMORY = re.compile(r"(?P<amount>[1-9]\d*)(?P<unit>Ki|Mi|Gi|Ti)")
_MEMORY_UNITS = {"Ki": 1024, "Mi": 1024**2, "Gi": 1024**3, "Ti": 1024**4}
_LARGER_UNIT = {"Ki": "Mi", "Mi": "Gi", "Gi": "Ti"}
_MILLI_PER_CORE = 1000

BUILT_PREFIX = "built:"
_BUILT = re.compile(r"built:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_REGISTRY = re.compile(r"[a-z0-9][a-zA-Z0-9._:/-]*[a-zA-Z0-9](?:@sha256:[0-9a-f]{64})?")
_DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}")


def cpu_cores(quantity: str) -> Decimal:
    """Return a CPU quantity in cores."""
    found = _CPU.fullmatch(quantity)
    if found is None:
        message = f'"{quantity}" is not a CPU quantity; write millicores such as "250m" or whole cores such as "2"'
        raise ValueError(message)
    amount = Decimal(found["amount"])
    return amount / _MILLI_PER_CORE if found["milli"] else amount


def memory_bytes(quantity: str) -> int:
    """Return a memory quantity in bytes."""
    found = _MEMORY.fullmatch(quantity)
    if found is None:
        message = f'"{quantity}" is not a memory quantity; write a whole number with Ki, Mi, Gi or Ti, such as "256Mi"'
        raise ValueError(message)
    return int(found["amount"]) * _MEMORY_UNITS[found["unit"]]


def _canonical_cpu(quantity: str) -> str:
    cores = cpu_cores(quantity)
    if quantity.endswith("m") and cores == cores.to_integral_value():
        message = f'"{quantity}" comes back from the server as "{int(cores)}"; write "{int(cores)}"'
        raise ValueError(message)
    return quantity


def _canonical_memory(quantity: str) -> str:
    size = memory_bytes(quantity)
    larger = _LARGER_UNIT.get(quantity[-2:])
    if larger is not None and size % _MEMORY_UNITS[larger] == 0:
        better = f"{size // _MEMORY_UNITS[larger]}{larger}"
        message = f'"{quantity}" comes back from the server as "{better}"; write "{better}"'
        raise ValueError(message)
    return quantity


def _image(reference: str) -> str:
    pattern = _BUILT if reference.startswith(BUILT_PREFIX) else _REGISTRY
    if pattern.fullmatch(reference) is None:
        message = (
            f'"{reference}" is not an image; write "built:<name>" for an image of this repository '
            'or "<registry>/<name>@sha256:<64 hex digits>"'
        )
        raise ValueError(message)
    return reference


def has_digest(reference: str) -> bool:
    """Say whether an image reference names exactly one content."""
    return _DIGEST.fullmatch(reference) is not None


Cpu = Annotated[str, AfterValidator(_canonical_cpu), Field(examples=["250m", "2"])]
Memory = Annotated[str, AfterValidator(_canonical_memory), Field(examples=["256Mi", "2Gi"])]
Image = Annotated[str, AfterValidator(_image), Field(examples=["built:model-server"])]
# Cited: semver.org 2.0.0, without build metadata: "+" is not allowed in a label value.
Version = Annotated[
    str, Field(pattern=r"^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]*[0-9A-Za-z])?$", max_length=63, examples=["0.1.0"])
]
# Cited: RFC 1123, as Kubernetes checks names of namespaces and hosts.
DnsLabel = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=63)]
Hostname = Annotated[
    str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$", max_length=253)
]
EnvironmentName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=128)]
