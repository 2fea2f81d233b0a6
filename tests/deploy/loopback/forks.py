"""A process that has imported what is slow to import, and becomes a container wherever one is asked for."""

import json
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import psutil

ENTRYPOINT = "modal._container_entrypoint"


class Fork(psutil.Process):
    """A container, which is not this process's child: what of a `subprocess.Popen` is used for one."""

    def poll(self) -> int | None:
        return None if self.is_running() else 0

    def send_signal(self, sig: int) -> None:
        with suppress(psutil.NoSuchProcess):
            super().send_signal(sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Forks:
    """Starts containers within milliseconds; as a context, it has imported everything.

    Args:
        modules: What containers find imported.
        root: Their working directory.
        environment: What counts when modules are imported, such as the hub's address. Each has its own afterwards.
        log: Where what they print goes.
    """

    def __init__(self, modules: Sequence[str], root: Path, environment: dict[str, str], log: Path) -> None:
        with log.open("ab") as errors:
            self._server = subprocess.Popen(
                [sys.executable, "-m", __name__, str(log), *modules],
                cwd=root,
                env=os.environ | environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def __enter__(self) -> "Forks":
        assert self._read() == "ready"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.communicate()

    def start(self, environment: dict[str, str]) -> Fork:
        print(json.dumps(environment), file=self._server.stdin, flush=True)
        return Fork(int(self._read()))

    def _read(self) -> str:
        return self._server.stdout.readline().strip()


def main() -> None:
    log, *modules = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what modules print is no answer
    for name in modules:
        import_module(name)
    print("ready", file=answers, flush=True)
    environment = serve(answers)
    if environment is not None:
        become_container(environment, log)


def serve(answers) -> dict[str, str] | None:
    """Return to a container with its environment, or with none once nobody asks any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # those that have ended are gone at once
    for line in sys.stdin:
        if pid := os.fork():
            print(pid, file=answers, flush=True)
        else:
            answers.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return json.loads(line)
    return None


def become_container(environment: dict[str, str], log: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    with Path(os.devnull).open() as nothing, Path(log).open("ab") as output:
        for descriptor, file in ((0, nothing), (1, output), (2, output)):
            os.dup2(file.fileno(), descriptor)
    sys.argv = [ENTRYPOINT]
    runpy.run_module(ENTRYPOINT, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
