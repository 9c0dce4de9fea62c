"""A checkout in miniature, and OCI archives made by hand."""

import hashlib
import io
import json
import tarfile

import pytest

LOCK = "version = 1\n"


@pytest.fixture
def repository(tmp_path):
    """A checkout with the folders that images are made from."""
    root = tmp_path / "repository"
    for path, text in {
        "images/pause/Containerfile": "FROM scratch\nCOPY bin/pause /pause\nUSER 65535:65535\n",
        "agents/__init__.py": "",
        "agents/migrate/apply.py": "print('apply')\n",
        "agents/migrate/apply.sql": "select 1;\n",
        "uv.lock": LOCK,
        "pyproject.toml": "[project]\n",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def layer(entries):
    """A layer: path -> (content, mode), None for a whiteout, or "folder"."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for path, entry in entries.items():
            member = tarfile.TarInfo(path)
            content = b""
            if entry == "folder":
                member.type = tarfile.DIRTYPE
            elif entry is not None:
                content, member.mode = entry
                member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


@pytest.fixture
def make_archive(tmp_path):
    """Write an OCI archive from layers and a configuration."""

    def make(*layers, user="65535:65535", reference="localhost/cryoprotect/pause:0123456789abcdef"):
        blobs = {}

        def store(content):
            digest = hashlib.sha256(content).hexdigest()
            blobs[f"blobs/sha256/{digest}"] = content
            return f"sha256:{digest}"

        configuration = store(json.dumps({"config": {"User": user, "Entrypoint": ["/pause"]}}).encode())
        manifest = {"config": {"digest": configuration}, "layers": [{"digest": store(layer(one))} for one in layers]}
        annotations = {"org.opencontainers.image.ref.name": reference}
        index = {"manifests": [{"digest": store(json.dumps(manifest).encode()), "annotations": annotations}]}
        path = tmp_path / "image.tar"
        with tarfile.open(path, "w") as tar:
            for name, content in {**blobs, "index.json": json.dumps(index).encode()}.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        return path

    return make
