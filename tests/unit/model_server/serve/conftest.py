"""A worker with made-up models behind it, asked as a connection would ask it."""

import asyncio
import inspect
import json
import sys
from pathlib import Path

import pytest
import structlog

from model_server.serve.http.message import Request
from model_server.serve.server import build_worker
from model_server.serve.settings import ServeSettings

sys.path.append(str(Path(__file__).resolve().parents[4] / "bench"))
from releases import MadeUp, write_made_up

SERVICE_TOKEN = "s" * 40


class Reply:
    """An answer taken apart."""

    def __init__(self, answer):
        self.status, self.body, self.content_type = answer.status, answer.body, answer.content_type.decode()
        lines = answer.head.decode("latin-1").split("\r\n")[:-1]
        self.headers = dict(line.split(": ", 1) for line in lines)
        self.close = answer.close

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json["error"]


class Bench:
    """One worker and the loop it lives in."""

    def __init__(self, runner: asyncio.Runner, settings: ServeSettings):
        self.runner = runner
        with structlog.testing.capture_logs() as self.logs:
            self.worker = build_worker(settings, structlog.get_logger())
            self.run(self.load())

    async def load(self):
        self.worker.loading.expect_all()
        await self.worker.loading.load_all()

    def run(self, awaitable):
        return self.runner.run(awaitable)

    async def ask_async(self, method, target, body=None, **headers) -> Reply:
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        head = {b"content-type": b"application/json"} if body is not None else {}
        head |= {name.replace("_", "-").encode(): value.encode("latin-1") for name, value in headers.items()}
        given = self.worker.app.answer(Request(method, target.encode(), head, body=content))
        return Reply(await given if inspect.isawaitable(given) else given)

    def ask(self, method, target, body=None, **headers) -> Reply:
        return self.run(self.ask_async(method, target, body, **headers))

    def predict(self, *smiles, **changes) -> Reply:
        body = {"target": "tg", "inputs": [{"smiles": text} for text in smiles or ("OCC(O)CO",)], **changes}
        return self.ask("POST", "/api/v1/predictions", body)

    def infer(self, rows, model="tg", *, path="", **more) -> Reply:
        width = self.worker.shelf.served(model).champion.width if self.worker.shelf.served(model).champion else 1
        data = [value for row in rows for value in [row] * width]
        tensor = {"name": "features", "datatype": "FP32", "shape": [len(rows), width], "data": data}
        return self.ask("POST", f"/v2/models/{model}{path}/infer", {"inputs": [tensor], **more})

    def metric(self, name, **labels):
        return self.worker.metrics.registry.get_sample_value(name, labels)


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory) -> Path:
    """Two versions of tg, one of which does not beat its baseline, a second member of its family and a composition."""
    folder = tmp_path_factory.mktemp("models")
    write_made_up(folder, MadeUp(version="1.0.0", offset=200.0))
    write_made_up(folder, MadeUp(version="1.1.0", offset=300.0))
    write_made_up(folder, MadeUp(version="1.2.0", offset=400.0, promotable=False))
    write_made_up(
        folder,
        MadeUp(name="tg-tm", recipe="structure-melting-1", selector="condition:melting_point_k", offset=250.0),
    )
    write_made_up(
        folder,
        MadeUp(name="viability-wetlab", family="viability", recipe="composition-1", offset=50.0, upper=100.0),
    )
    for name, offset in (("iri-amino", 10.0), ("iri-glyco2", 20.0)):
        recipe = "amino-1" if name == "iri-amino" else "glycoside-1"
        write_made_up(folder, MadeUp(name=name, family="iri", recipe=recipe, selector="nearest", offset=offset))
    return folder


@pytest.fixture
def make_bench(models_dir, tmp_path):
    """Build workers that end with the test; the registry is writable and the service token is an operator's."""
    token = tmp_path / "service-token"
    token.write_text(SERVICE_TOKEN + "\n")
    with asyncio.Runner() as runner:
        made = []

        def make(**changes) -> Bench:
            given = {"models_dir": models_dir, "registry_dir": tmp_path / "registry", "service_token": token}
            settings = ServeSettings(colour="green", version="t-1", **{**given, **changes})
            made.append(Bench(runner, settings))
            return made[-1]

        yield make
        for bench in made:
            bench.worker.loading.close()
            bench.worker.pool.shutdown()


@pytest.fixture
def bench(make_bench) -> Bench:
    return make_bench()


@pytest.fixture
def operator():
    return {"authorization": f"Bearer {SERVICE_TOKEN}"}
