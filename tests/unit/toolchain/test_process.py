"""The runner's promises: output is kept, a failure explains itself, nothing outlives a deadline, secrets stay out."""

import os
import signal
import sys
import threading
import time

import psutil
import pytest

from toolchain.errors import CommandFailedError, PermanentToolchainError, TemporaryToolchainError, ToolchainError
from toolchain.process import Command, run_command


def python(code):
    return (sys.executable, "-c", code)


@pytest.fixture
def log(tmp_path):
    return tmp_path / "logs" / "command.log"


def test_standard_output_is_returned_and_everything_is_logged(log):
    output = run_command(Command(python("import sys; print('out'); print('err', file=sys.stderr)"), log))

    assert output == "out\n"
    assert "out" in log.read_text()
    assert "err" in log.read_text()
    assert "# exit 0" in log.read_text()


def test_live_output_can_be_read_while_the_program_runs(log):
    code = "import time; print('begun', flush=True); time.sleep(30)"

    def run_until_the_deadline():
        with pytest.raises(CommandFailedError):
            run_command(Command(python(code), log, timeout_s=3, live=True))

    thread = threading.Thread(target=run_until_the_deadline)
    thread.start()

    deadline = time.monotonic() + 2.5
    while time.monotonic() < deadline and not (log.exists() and "\nbegun" in log.read_text()):
        time.sleep(0.02)
    seen_alive = thread.is_alive() and "\nbegun" in log.read_text()
    thread.join()

    assert seen_alive


def test_a_failure_names_program_status_last_error_lines_and_log(log):
    code = "import sys; print('chatter'); [print('line', i, file=sys.stderr) for i in range(40)]; sys.exit(3)"

    with pytest.raises(CommandFailedError) as caught:
        run_command(Command(python(code), log))

    message = str(caught.value)
    assert caught.value.exit_status == 3
    assert "exited with 3" in message
    assert "line 39" in message
    assert "line 10" not in message
    assert "chatter" not in message
    assert str(log) in message


def test_a_wrapped_program_is_called_by_its_own_name(log):
    with pytest.raises(CommandFailedError, match=r"^buildah exited with 4"):
        run_command(Command(python("import sys; sys.exit(4)"), log, name="buildah"))


def test_a_failure_that_says_nothing_on_standard_error_shows_standard_output(log):
    with pytest.raises(CommandFailedError, match="no space left"):
        run_command(Command(python("import sys; print('no space left'); sys.exit(1)"), log))


def test_a_message_shows_only_the_lines_of_its_own_call(log):
    run_command(Command(python("import sys; print('of the call before', file=sys.stderr)"), log))

    with pytest.raises(CommandFailedError) as caught:
        run_command(Command(python("import sys; sys.exit(1)"), log))

    assert "of the call before" not in str(caught.value)


@pytest.mark.parametrize(
    "code", ["import time; time.sleep(60)", "import signal, time; signal.signal(15, 1); time.sleep(60)"]
)
def test_a_deadline_stops_the_program_and_its_children(log, code, monkeypatch):
    monkeypatch.setattr("toolchain.process.STOP_GRACE_S", 0.5)
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
    before = {p.pid for p in psutil.process_iter()}

    with pytest.raises(CommandFailedError, match="was stopped after its 1 s"):
        run_command(Command(python(parent), log, timeout_s=1))

    started = [p for p in psutil.process_iter(["cmdline"]) if p.pid not in before and code in (p.info["cmdline"] or [])]
    # A killed grandchild is collected by init, a moment after the signal.
    _, left = psutil.wait_procs(started, timeout=2)
    assert left == []


@pytest.fixture
def interruptible():
    """A shell starts what it puts in the background with interrupts ignored, and Python leaves it so."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_stops_the_program_before_it_is_raised(log, tmp_path, interruptible):
    running = tmp_path / "running"

    def interrupt_once_it_runs():
        while not (running.exists() and running.read_text()):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    interrupter = threading.Thread(target=interrupt_once_it_runs)
    interrupter.start()
    code = f"import os, pathlib, time; pathlib.Path({str(running)!r}).write_text(str(os.getpid())); time.sleep(60)"
    with pytest.raises(KeyboardInterrupt):
        run_command(Command(python(code), log))
    interrupter.join()

    assert not psutil.pid_exists(int(running.read_text()))


@pytest.mark.parametrize("argv", [("no-such-program-anywhere",), ("/nonexistent/program",)])
def test_a_missing_program_is_named(log, argv):
    with pytest.raises(CommandFailedError, match="not found") as caught:
        run_command(Command(argv, log))

    assert caught.value.exit_status is None


def test_standard_input_and_environment_never_reach_the_log(log):
    output = run_command(
        Command(
            python("import os, sys; print(len(sys.stdin.read()), len(os.environ['TOKEN']))"),
            log,
            stdin="swordfish",
            env={**os.environ, "TOKEN": "swordfish!"},
        )
    )

    assert output == "9 10\n"
    assert "swordfish" not in log.read_text()


def test_exit_codes_tell_permanent_from_temporary():
    assert issubclass(CommandFailedError, PermanentToolchainError)
    assert PermanentToolchainError("x").exit_code == 70
    assert TemporaryToolchainError("x").exit_code == 75
    assert TemporaryToolchainError("x", retry_after_s=4).retry_after_s == 4
    assert issubclass(TemporaryToolchainError, ToolchainError)
