"""How a machine reaches a Debian mirror is found out, and nothing of the machine stays in the root."""

import pytest

from toolchain.images.debian import Mirrors, apt_lines, find_mirrors, read_sources, select_apt_settings, slim_root

ONE_LINE = """\
# deb http://commented.example/debian trixie main
deb [arch=amd64 signed-by=/usr/share/k.gpg] http://mirror.example/debian/ bookworm main
deb-src http://source.example/debian bookworm main
deb http://mirror.example/debian-security bookworm-security main
deb https://other.example/tools stable main
"""
DEB822 = """\
Types: deb
URIs: https://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: https://security.example/debian-security
Suites: bookworm-security
"""


MAIN, SECURITY = "http://mirror.example/debian", "http://mirror.example/debian-security"
OWN_SECURITY = "https://security.example/debian-security"
PRIVATE = "deb https://user:secret@private.example/debian trixie main"


@pytest.mark.parametrize(
    ("sources", "override", "mirrors"),
    [
        pytest.param([ONE_LINE], None, Mirrors(MAIN, SECURITY), id="one line"),
        pytest.param([DEB822], None, Mirrors("https://mirror.example/debian", OWN_SECURITY), id="deb822"),
        pytest.param([DEB822], "http://mine.example/debian/", Mirrors("http://mine.example/debian", OWN_SECURITY)),
        pytest.param(["deb http://archive.example/ubuntu noble main"], None, Mirrors(None, None), id="ubuntu"),
        pytest.param([], None, Mirrors(None, None), id="no apt"),
        pytest.param([PRIVATE, ONE_LINE], None, Mirrors(MAIN, SECURITY), id="password in the address"),
    ],
)
def test_mirrors_of_the_machine(sources, override, mirrors):
    assert find_mirrors(sources, override) == mirrors


def test_apt_lines_hold_main_updates_and_security():
    assert apt_lines(Mirrors("http://m.example/debian", "http://s.example/debian-security")) == (
        "deb http://m.example/debian trixie main\n"
        "deb http://m.example/debian trixie-updates main\n"
        "deb http://s.example/debian-security trixie-security main\n"
    )
    assert apt_lines(Mirrors(None, None)) == ""


DUMP = """\
APT::Architecture "amd64";
Acquire::http::Proxy "http://proxy.example:3128";
Acquire::https::CaInfo "/etc/ssl/own.pem";
Acquire::http::Proxy-Auto-Detect "/usr/bin/detect";
Acquire::Check-Valid-Until "false";
DPkg::Post-Invoke:: "rm -f /x";
"""


def test_only_settings_that_reach_a_mirror_are_taken_along():
    assert select_apt_settings(DUMP).splitlines() == [
        'Acquire::http::Proxy "http://proxy.example:3128";',
        'Acquire::Check-Valid-Until "false";',
    ]


def test_sources_are_read_from_both_places_and_may_be_missing(tmp_path):
    assert read_sources(tmp_path) == []
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text("one")
    (tmp_path / "sources.list.d" / "debian.sources").write_text("two")

    assert read_sources(tmp_path) == ["one", "two"]


def test_a_slim_root_holds_no_trace_of_the_machine_no_manual_and_no_setuid_file(tmp_path):
    for path in (
        *("etc/resolv.conf", "etc/hostname", "etc/apt/sources.list", "usr/share/doc/bash/copyright"),
        *("usr/share/doc/bash/README", "usr/share/man/man1/sh.1", "var/lib/apt/lists/x", "var/cache/apt/pkgcache.bin"),
        *("var/log/bootstrap.log", "usr/bin/su", "usr/bin/sh"),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x")
    (tmp_path / "usr/bin/su").chmod(0o4755)

    slim_root(tmp_path)

    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"usr/share/doc/bash/copyright", "usr/bin/su", "usr/bin/sh"}
    assert (tmp_path / "usr/bin/su").stat().st_mode & 0o7777 == 0o755
    assert (tmp_path / "var/lib/apt/lists/partial").is_dir()
