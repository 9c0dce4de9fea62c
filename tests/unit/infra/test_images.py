from __future__ import annotations

import json
from pathlib import Path

import pulumi
import pytest

from infra.config import Environment
from infra.environment_files import load_environment
from infra.errors import ImageError
from infra.images import DockerImages, IndexImages, choose_source, read_index, resolve
from infra.program import Program, make_plan

ENVIRONMENTS = Path(__file__).parents[3] / "environments"
DOCKER = {
    "host": "unix:///run/docker.sock",
    "repository": "registry.example.org/cryoprotect",
    "push": True,
    "context": ".",
    "containerfile": "images/{name}/Containerfile",
    "arguments": {"BASE_IMAGE": "debian:13"},
}
ROOT = Path("/repository")


@pytest.fixture
def with_docker(settings_of):
    def environment(**changes):
        return Environment.model_validate(settings_of("local", {"images": {"docker": DOCKER | changes}}))

    return environment


def test_a_built_image_is_taken_from_the_index(image_index):
    assert resolve("built:agents", read_index(image_index)) == f"localhost/cryoprotect/agents:{'0' * 16}"


def test_another_reference_is_passed_on_as_it_stands():
    reference = "registry.example.org/app@sha256:" + "a" * 64

    assert resolve(reference, IndexImages(references={}, origin="nothing")) == reference


def test_an_image_that_was_not_built_is_named(image_index):
    with pytest.raises(ImageError, match=r'no image "other" .*agents, alertmanager, backup.*run `cryo images build`'):
        resolve("built:other", read_index(image_index))


@pytest.mark.parametrize("given_variables", [{}, {"CRYO_IMAGES_INDEX": ""}])
def test_an_index_that_is_not_named_is_asked_for(given_variables):
    environment = load_environment(ENVIRONMENTS, "local")

    with pytest.raises(ImageError, match=r"agents\.image is a built: image.*run `cryo images build`"):
        choose_source(environment, root=ROOT, variables=given_variables)


def test_an_environment_of_digests_needs_no_index():
    environment = load_environment(ENVIRONMENTS, "production")

    source = choose_source(environment, root=ROOT, variables={})

    with pytest.raises(ImageError, match="the empty index"):
        source.built("agents")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "cannot be read"),
        ("[]", "schema None"),
        ('{"schema": 2, "images": {}}', "schema 2, not 1"),
        ('{"schema": 1}', "is not complete"),
        ('{"schema": 1, "images": {"agents": {}}}', "is not complete"),
        ('{"schema": 1, "images": []}', "is not complete"),
    ],
)
def test_a_broken_index_asks_for_a_new_build(tmp_path, text, problem):
    path = tmp_path / "index.json"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ImageError, match=f"{problem}.*run `cryo images build` again"):
        read_index(path)


def test_a_missing_index_asks_for_a_build(tmp_path):
    with pytest.raises(ImageError, match="does not exist; run `cryo images build`"):
        read_index(tmp_path / "index.json")


def test_docker_is_off_by_default():
    assert all(load_environment(ENVIRONMENTS, stack).images.docker is None for stack in ("local", "production"))


def test_docker_builds_each_image_once_and_runs_it_by_digest(run, with_docker):
    credentials = {"CRYO_REGISTRY_USER": "ci", "CRYO_REGISTRY_PASSWORD": "hunter2"}
    source = choose_source(with_docker(), root=ROOT, variables=credentials)
    seen = []

    def program():
        for name in ("agents", "agents", "gateway"):
            pulumi.Output.from_input(resolve(f"built:{name}", source)).apply(seen.append)

    recorder = run(program)

    images = {r.name: r for r in recorder.rendered if r.type == "docker:index/image:Image"}
    assert sorted(images) == ["image-agents", "image-gateway"]
    assert set(seen) == {f"{DOCKER['repository']}/{name}@sha256:{'d' * 64}" for name in ("agents", "gateway")}
    agents = images["image-agents"]
    assert "pulumi:providers:docker::docker" in agents.provider
    assert agents.inputs["build"]["dockerfile"] == "/repository/images/agents/Containerfile"
    assert agents.inputs["build"]["args"] == {"BASE_IMAGE": "debian:13"}
    assert agents.inputs["skipPush"] is False
    assert "hunter2" in json.dumps(agents.inputs["registry"])
    assert "1b47061264138c4ac30d75fd1eb44270" in json.dumps(agents.inputs["registry"]), "the password has to be marked"


def test_docker_without_push_needs_no_credentials(run, with_docker):
    source = choose_source(with_docker(push=False), root=ROOT, variables={})

    recorder = run(lambda: source.built("agents"))

    (image,) = [r for r in recorder.rendered if r.type == "docker:index/image:Image"]
    assert image.inputs["skipPush"] is True
    assert "registry" not in image.inputs


def test_a_push_without_credentials_is_refused(with_docker):
    settings = with_docker().images.docker
    source = DockerImages(settings, root=ROOT, variables={"CRYO_REGISTRY_USER": "ci"})

    with pytest.raises(ImageError, match="needs CRYO_REGISTRY_PASSWORD"):
        source._registry()


def test_the_whole_program_runs_on_docker_images(run, tmp_path, settings_of, kubeconfig, find):
    over = {"images": {"docker": DOCKER | {"push": False}}}
    (tmp_path / "base.yaml").write_text(json.dumps(settings_of("local", over)), encoding="utf-8")
    (tmp_path / "local.yaml").write_text("{}", encoding="utf-8")
    plan = make_plan("local", variables={"KUBECONFIG": str(kubeconfig)}, folder=tmp_path)

    recorder = run(lambda: Program(plan).deploy())

    (container,) = find(recorder, "Deployment", "model-server-green").containers()
    assert container["image"] == f"{DOCKER['repository']}/model-server@sha256:{'d' * 64}"
