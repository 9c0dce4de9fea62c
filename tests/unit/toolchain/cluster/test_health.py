"""A process is healthy when it answers, not when it merely runs."""

import http.server
import itertools
import socket
import threading
from pathlib import Path

import pytest

from toolchain.cluster.components import Daemon
from toolchain.cluster.health import is_healthy, wait_healthy
from toolchain.cluster.layout import embedded_layout, read_network
from toolchain.errors import TemporaryToolchainError

LAYOUT = embedded_layout(Path("/h"), read_network({}))


@pytest.fixture
def answering():
    """A server on loopback that answers with the status that is asked for in the path."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(int(self.path.strip("/")))
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (500, False), (503, False)])
def test_only_200_is_healthy(answering, status, healthy):
    assert is_healthy(LAYOUT, Daemon("d", ("d",), health=f"{answering}/{status}")) is healthy


def test_silent_port_is_not_healthy():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    assert is_healthy(LAYOUT, Daemon("d", ("d",), health=f"http://127.0.0.1:{port}/")) is False


def test_socket_file_of_a_killed_process_is_not_healthy(tmp_path):
    """Found on the cluster: the image loader was called before containerd listened again."""
    path = tmp_path / "d.sock"
    daemon = Daemon("d", ("d",), health=f"unix://{path}")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        assert is_healthy(LAYOUT, daemon) is True

    assert path.exists()
    assert is_healthy(LAYOUT, daemon) is False


@pytest.mark.parametrize(("alive", "said"), [(False, "ended at once"), (True, "not healthy after 3 s")])
def test_waiting_ends_with_the_log_of_the_process(alive, said):
    daemon = Daemon("etcd", ("etcd",), health="unix:///no/such/socket")

    with pytest.raises(TemporaryToolchainError, match=f"{said}.*etcd.log"):
        wait_healthy(LAYOUT, daemon, timeout_s=3, alive=lambda: alive, clock=itertools.count().__next__)
