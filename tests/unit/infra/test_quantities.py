from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from infra.quantities import Cpu, Image, Memory, Version, cpu_cores, has_digest, memory_bytes

# A busy machine is no failure of a pure function.
untimed = settings(deadline=None)
CPU, MEMORY, IMAGE, VERSION = (TypeAdapter(kind) for kind in (Cpu, Memory, Image, Version))


@pytest.mark.parametrize(("quantity", "cores"), [("250m", "0.25"), ("1500m", "1.5"), ("2", "2")])
def test_cpu_is_read_in_cores(quantity, cores):
    assert cpu_cores(quantity) == Decimal(cores)


@pytest.mark.parametrize(
    ("quantity", "size"), [("1Ki", 1024), ("256Mi", 268435456), ("2Gi", 2147483648), ("1Ti", 1099511627776)]
)
def test_memory_is_read_in_bytes(quantity, size):
    assert memory_bytes(quantity) == size


@pytest.mark.parametrize(
    ("kind", "given_value", "hint"),
    [
        (CPU, "0.5", "millicores"),
        (CPU, "250 m", "millicores"),
        (CPU, "0", "millicores"),
        (CPU, "1000m", 'write "1"'),
        (MEMORY, "256M", "Ki, Mi, Gi or Ti"),
        (MEMORY, "1.5Gi", "Ki, Mi, Gi or Ti"),
        (MEMORY, "268435456", "Ki, Mi, Gi or Ti"),
        (MEMORY, "1024Mi", 'write "1Gi"'),
        (IMAGE, "built:", "built:<name>"),
        (IMAGE, "built:Model_Server", "built:<name>"),
        (IMAGE, "registry.example.org/app@sha256:abc", "64 hex digits"),
        (VERSION, "1.0", "pattern"),
        (VERSION, "v1.0.0", "pattern"),
        (VERSION, "1.0.0+build", "pattern"),
    ],
)
def test_a_wrong_quantity_is_refused_with_the_right_form(kind, given_value, hint):
    with pytest.raises(ValidationError, match=hint.replace("(", "\\(")):
        kind.validate_python(given_value)


@untimed
@given(st.integers(min_value=1, max_value=10**6))
def test_every_accepted_cpu_is_the_form_the_server_stores(milli):
    text = str(milli // 1000) if milli % 1000 == 0 else f"{milli}m"

    assert CPU.validate_python(text) == text


@untimed
@given(st.integers(min_value=1, max_value=10**7), st.sampled_from(["Ki", "Mi", "Gi"]))
def test_memory_is_accepted_exactly_when_no_larger_unit_divides_it(amount, unit):
    text = f"{amount}{unit}"

    if amount % 1024 == 0:
        with pytest.raises(ValidationError, match="comes back from the server"):
            MEMORY.validate_python(text)
    else:
        assert MEMORY.validate_python(text) == text


@pytest.mark.parametrize(
    ("reference", "pinned"),
    [
        ("registry.example.org/app@sha256:" + "a" * 64, True),
        ("registry.example.org/app:1.0.0", False),
        ("built:app", False),
        ("registry.example.org/app@sha256:" + "a" * 63, False),
    ],
)
def test_only_a_whole_digest_pins_an_image(reference, pinned):
    assert has_digest(reference) is pinned
