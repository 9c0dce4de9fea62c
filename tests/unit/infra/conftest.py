"""Render the whole program with Pulumi's mocks: no engine, no cluster, every assertion after everything is declared."""

from __future__ import annotations

import asyncio
import copy
import json
from pathlib import Path

import pulumi
import pytest
import yaml
from pulumi.runtime import mocks, rpc, settings
from pulumi.runtime.stack import run_pulumi_func

from infra.config import Environment
from infra.environment_files import load_environment, merge, read_document
from infra.program import Program, make_plan
from infra.rendering import Rendered, Rendering

ENVIRONMENTS = Path(__file__).parents[3] / "environments"
STACKS = ("local", "staging", "production")
IMAGES = (
    "agents",
    "alertmanager",
    "backup",
    "gateway",
    "model-server",
    "object-store",
    "postgres",
    "prometheus",
    "trainer",
)


class AutoNames(pulumi.runtime.Mocks):
    """Answers like the Kubernetes provider: an object without a name gets one."""

    def new_resource(self, args):
        state = copy.deepcopy(args.inputs)
        if args.typ.startswith("kubernetes:"):
            metadata = dict(state.get("metadata") or {})
            metadata.setdefault("name", f"{args.name}-1a2b3c4d")
            state["metadata"] = metadata
            return metadata["name"], state
        if args.typ.startswith("docker:index/image:"):
            state["repoDigest"] = f"{args.inputs['imageName'].rsplit(':', 1)[0]}@sha256:{'d' * 64}"
        return f"{args.name}-id", state

    def call(self, args):  # noqa: ARG002 - the signature in Pulumi's mocks
        return {}


class Recorder(mocks.MockMonitor):
    """Keeps what the engine would receive, options included."""

    def __init__(self):
        super().__init__(AutoNames())
        self.rendered = []
        self.requests = {}

    def RegisterResource(self, request):  # noqa: N802 - the name in Pulumi's protocol
        # Called in worker threads, where the mocks would make an event loop and never close it.
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            self._record(request)
            return super().RegisterResource(request)
        finally:
            asyncio.set_event_loop(None)
            loop.close()

    def _record(self, request):
        if request.type != "pulumi:pulumi:Stack":
            self.rendered.append(
                Rendered(
                    type=request.type,
                    name=request.name,
                    inputs=rpc.deserialize_properties(request.object),
                    provider=request.provider,
                    ignore_changes=tuple(request.ignoreChanges),
                    replace_on_changes=tuple(request.replaceOnChanges),
                    protect=request.protect,
                )
            )
            self.requests[(request.type, request.name)] = request


def run_program(program, *, stack="local"):
    """Run a Pulumi program in an event loop of its own and return what it declared and exported."""
    recorder = Recorder()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        pulumi.runtime.set_mocks(AutoNames(), project="cryoprotect", stack=stack, monitor=recorder)
        loop.run_until_complete(run_pulumi_func(program))
    finally:
        settings.reset_options()
        loop.close()
        asyncio.set_event_loop(None)
    return recorder


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("infra")


@pytest.fixture(scope="session")
def kubeconfig(folder):
    """A kubeconfig with the context of every committed environment."""
    names = {"cryo-embedded": "https://127.0.0.1:6443", "cryo-staging": "https://staging.example.org:6443"}
    names["cryo-production"] = "https://kubernetes.example.org:6443"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server}} for name, server in names.items()],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "admin"}} for name in names],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def image_index(folder):
    entries = {name: {"ref": f"localhost/cryoprotect/{name}:{'0' * 16}"} for name in IMAGES}
    path = folder / "index.json"
    path.write_text(json.dumps({"schema": 1, "images": entries}), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def variables(kubeconfig, image_index):
    return {"KUBECONFIG": str(kubeconfig), "CRYO_IMAGES_INDEX": str(image_index)}


@pytest.fixture(scope="session")
def settings_of():
    """Return a stack's merged settings as plain data, optionally with something laid over them."""

    def load(stack, over=None):
        base, own = read_document(ENVIRONMENTS / "base.yaml"), read_document(ENVIRONMENTS / f"{stack}.yaml")
        return merge(merge(base.data, own.data), over or {})

    return load


@pytest.fixture(scope="session")
def render(tmp_path_factory, variables, settings_of):
    """Render a stack, optionally with something laid over its settings."""

    def render_stack(stack, over=None, seen=None):
        files = tmp_path_factory.mktemp("environments")
        (files / "base.yaml").write_text(yaml.safe_dump(settings_of(stack, over)), encoding="utf-8")
        (files / f"{stack}.yaml").write_text("{}", encoding="utf-8")
        plan = make_plan(stack, variables=variables, folder=files)
        return run_program(lambda: Program(plan, seen=seen).deploy(), stack=stack)

    return render_stack


@pytest.fixture(scope="session")
def rendering(render):
    """Return a stack's rendering; each stack is rendered once for the whole session, so do not change it."""
    cache = {}

    def rendered(stack):
        if stack not in cache:
            environment: Environment = load_environment(ENVIRONMENTS, stack)
            cache[stack] = Rendering(
                resources=tuple(render(stack).rendered),
                production=environment.production,
                protect_data=environment.protect_data,
            )
        return cache[stack]

    return rendered


@pytest.fixture(scope="session")
def run():
    return run_program


@pytest.fixture
def find():
    """Return the one object of a kind with a logical name."""

    def find_object(recorder_or_rendering, kind, name):
        resources = getattr(recorder_or_rendering, "rendered", None) or recorder_or_rendering.resources
        found = [r for r in resources if r.type.startswith("kubernetes:") and r.kind == kind and r.name == name]
        assert len(found) == 1, [str(r) for r in resources]
        return found[0]

    return find_object
