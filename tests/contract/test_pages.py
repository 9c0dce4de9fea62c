"""What the pages are made of: vendored files are what their list says, and nothing comes from elsewhere."""

import re
from pathlib import Path

import pytest

from model_server.pages.bundle import STATIC_DIR, Bundle
from model_server.pages.frame import TEMPLATES_DIR
from toolchain.vendored import LIST_FILE, find_differences, read_list

VENDOR_DIR = STATIC_DIR / "vendor"
OURS = sorted([*STATIC_DIR.glob("*.js"), *STATIC_DIR.glob("*.css"), *TEMPLATES_DIR.glob("*.html")])


def name_of(path: Path) -> str:
    return path.name


def test_every_vendored_file_is_the_published_one():
    assert find_differences(VENDOR_DIR, read_list(VENDOR_DIR / LIST_FILE)) == ()


def test_every_vendored_package_brings_its_licence():
    packages = read_list(VENDOR_DIR / LIST_FILE)

    assert [
        package.name for package in packages if not any(name.endswith(".LICENSE.txt") for name in package.hashes)
    ] == []
    assert {package.licence for package in packages} <= {"MIT", "OFL-1.1"}


@pytest.mark.parametrize("path", OURS, ids=name_of)
def test_page_needs_nothing_from_elsewhere_and_nothing_inline(path):
    text = path.read_text()

    assert re.findall(r"""(?:src|href|from|url\()\s*=?\s*["'](?:https?:)?//""", text) == []
    assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|\sstyle=|\son\w+=", text) == []


@pytest.mark.parametrize("path", sorted(STATIC_DIR.glob("*.js")), ids=name_of)
def test_script_makes_no_markup_out_of_text(path):
    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", path.read_text())
        == []
    )


def test_every_script_that_is_imported_is_there():
    files = Bundle().files
    imports = {
        name for path in STATIC_DIR.glob("*.js") for name in re.findall(r'from "\./([\w.-]+)"', path.read_text())
    }

    assert sorted(imports - set(files)) == []


def test_every_template_escapes():
    safe = {
        path.name: found
        for path in TEMPLATES_DIR.glob("*.html")
        if (found := re.findall(r"\|\s*safe|autoescape", path.read_text()))
    }

    # The one exception is RDKit's drawing, whose markup is rebuilt and tested.
    assert safe == {"parts.html": ["| safe"]}
