"""A build context holds what the content hash covers, and the packages lose what serving never opens."""

from toolchain.images.context import ContextSources, assemble_context, prune_site
from toolchain.images.request import BuildRequest
from toolchain.images.spec import SPECS, ImageSpec, Tree


def files_below(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_context_holds_the_containerfile_the_trees_and_the_binaries(repository, tmp_path):
    binary = tmp_path / "built" / "pause-1.0"
    binary.parent.mkdir()
    binary.write_bytes(b"binary")
    (repository / "agents/__pycache__").mkdir()
    (repository / "agents/__pycache__/x.pyc").write_bytes(b"x")
    spec = ImageSpec(name="pause", user="1:1", expected_s=1, trees=(Tree("agents"),), binaries=("pause",))
    request = BuildRequest(repository, tmp_path, names=("pause",), binaries={"pause": binary})

    assemble_context(spec, tmp_path / "context", ContextSources(request, None, tmp_path / "log"))

    assert files_below(tmp_path / "context") == {
        "Containerfile", "bin/pause", "agents/__init__.py", "agents/migrate/apply.py", "agents/migrate/apply.sql",
    }  # fmt: skip
    assert (tmp_path / "context/bin/pause").stat().st_mode & 0o777 == 0o755


def test_file_modes_of_the_checkout_do_not_leak_into_the_image(repository, tmp_path):
    (repository / "agents/__init__.py").chmod(0o600)
    (repository / "agents/migrate/apply.py").chmod(0o700)
    spec = ImageSpec(name="pause", user="1:1", expected_s=1, trees=(Tree("agents"),))
    request = BuildRequest(repository, tmp_path, names=())

    assemble_context(spec, tmp_path / "context", ContextSources(request, None, tmp_path / "log"))

    assert (tmp_path / "context/agents/__init__.py").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "context/agents/migrate/apply.py").stat().st_mode & 0o777 == 0o755


def test_pruning_keeps_code_data_and_package_versions(tmp_path):
    keep = {"numpy/testing/__init__.py", "rdkit/Data/BaseFeatures.fdef", "rdkit-2026.9.1.dist-info/METADATA"}
    drop = {
        ".lock", "bin/granian", "numpy/_core/tests/test_x.py", "numpy/_core/include/a.h", "rdkit-stubs/a.pyi",
        "numpy/_core/lib/libnpymath.a", "onnxruntime/capi/libonnxruntime.so.1.31.1", "onnxruntime/tools/a.py",
    }  # fmt: skip
    for path in keep | drop:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x")

    prune_site(tmp_path)

    assert files_below(tmp_path) == keep


def test_the_model_server_gets_no_training_code():
    (tree,) = SPECS["model-server"].trees

    assert "train" in tree.without
