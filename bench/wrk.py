"""Runs wrk, pinned to a core, against 127.0.0.1 and reads what it says."""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Plays prepared requests in turn and counts answers that are not what their version says.
SCRIPT = """
local bodies, types, number = {}, {}, 0
local function decode(pair) return string.char(tonumber(pair, 16)) end
for line in io.lines("{bodies}") do table.insert(bodies, (line:gsub("%x%x", decode))) end
local threads = {}
function setup(thread) table.insert(threads, thread) end
headers = {headers}
-- Formatted once: doing it per request would make the generator slower than the server.
function init(args)
  number, wrong, prepared = 0, 0, {}
  for index, body in ipairs(bodies) do prepared[index] = wrk.format("POST", nil, headers, body) end
end
function request()
  number = number + 1
  return prepared[(number - 1) % #prepared + 1]
end
{response}
function done(summary, latency, requests)
  local bad = 0
  for _, thread in ipairs(threads) do bad = bad + (thread:get("wrong") or 0) end
  local shape = '"requests":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d'
  shape = shape .. ',"status_errors":%d,"socket_errors":%d,"wrong":%d'
  io.write(string.format("\\nRESULT {" .. shape .. "}\\n",
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout, bad))
end
"""
# An answer names its version; every number in it has to be that version's.
CHECK_VERSIONS = """
expected = {expected}
function response(status, head, body)
  local version = body:match('"model_version":"([^"]+)"')
  local data = body:match('"name":"prediction".-"data":%[([^%]]*)%]')
  if status ~= 200 or version == nil or data ~= expected[version] then wrong = wrong + 1 end
end
"""


@dataclass(frozen=True)
class Load:
    """What to send and for how long.

    Args:
        url: on loopback.
        bodies: sent in turn.
        headers: of every request.
        connections: kept open, each waiting for its answer.
        seconds: to send.
        core: that wrk is pinned to.
        expected: text of the predictions by version; empty to look at statuses only.
    """

    url: str
    bodies: Sequence[bytes]
    headers: Mapping[str, str]
    connections: int = 16
    seconds: float = 6.0
    core: int = 1
    expected: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Outcome:
    """What wrk saw."""

    requests: int
    per_second: float
    p50_ms: float
    p99_ms: float
    failed: int
    wrong: int


def is_available() -> bool:
    """Whether wrk can be run."""
    return shutil.which("wrk") is not None


def run_load(load: Load) -> Outcome:
    """Send the load and wait for its end."""
    with tempfile.TemporaryDirectory() as folder:
        bodies, script = Path(folder) / "bodies", Path(folder) / "load.lua"
        bodies.write_text("".join(body.hex() + "\n" for body in load.bodies))
        headers = ", ".join(f"[{json.dumps(name)}] = {json.dumps(value)}" for name, value in load.headers.items())
        check = ""
        if load.expected:
            pairs = ", ".join(
                f"[{json.dumps(version)}] = {json.dumps(text)}" for version, text in load.expected.items()
            )
            check = CHECK_VERSIONS.replace("{expected}", "{" + pairs + "}")
        text = SCRIPT.replace("{bodies}", str(bodies)).replace("{headers}", "{" + headers + "}")
        script.write_text(text.replace("{response}", check))
        argv = ["taskset", "-c", str(load.core), "wrk", "-t1", f"-c{load.connections}", f"-d{load.seconds:.0f}s"]
        argv += ["--timeout", "30s", "-s", str(script), load.url]
        done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=load.seconds + 60)
    found = json.loads(re.search(r"RESULT (\{.*\})", done.stdout)[1])
    return Outcome(
        requests=found["requests"],
        per_second=found["requests"] / (found["duration_us"] / 1e6),
        p50_ms=found["p50_us"] / 1e3,
        p99_ms=found["p99_us"] / 1e3,
        failed=found["status_errors"] + found["socket_errors"],
        wrong=found["wrong"],
    )
