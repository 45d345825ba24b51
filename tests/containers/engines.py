"""Container engines for the tests here: the image built by the project's own recipe, and what runs it."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runs import PROJECT

BASE = Path(__file__).parent / "base.sh"
IMAGE = "healthward:0.1.0"
PATH = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])


@dataclass(frozen=True)
class Engine:
    """A container engine.

    Attributes:
        name: the profile's.
        environment: in which it is called.
        run: the words that come before an image and a command.
        image: by its name or path.
    """

    name: str
    environment: Mapping[str, str]
    run: tuple[str, ...]
    image: str

    def __call__(self, *command: str) -> str:
        """Return what a command prints in a container of the image."""
        return call([*self.run, self.image, *command], self.environment)


def call(line: list[str], environment: Mapping[str, str]) -> str:
    done = subprocess.run(line, env=environment, cwd=PROJECT, text=True, capture_output=True)
    assert done.returncode == 0, f"{' '.join(line)}: {done.stdout}{done.stderr}"
    return done.stdout


def lacking(*programs: str) -> list[str]:
    return [program for program in programs if not shutil.which(program, path=PATH)]


def works(line: list[str], environment: Mapping[str, str]) -> bool:
    with contextlib.suppress(OSError):
        return subprocess.run(line, env=environment, capture_output=True).returncode == 0
    return False


@contextmanager
def docker_daemon() -> Iterator[Mapping[str, str]]:
    """Yield the environment of a Docker that works: the machine's own, or one started for as long as this lasts."""
    if works(["docker", "info"], os.environ):
        yield os.environ
        return
    folder = tempfile.mkdtemp(prefix="docker-")
    environment = os.environ | {"PATH": PATH, "DOCKER_HOST": f"unix://{folder}/socket"}
    # Containers of ours need no network
    daemon = subprocess.Popen(
        [
            "dockerd", "--iptables=false", "--ip6tables=false", "--bridge=none", f"--data-root={folder}/data",
            f"--exec-root={folder}/exec", f"--pidfile={folder}/pid", f"--host=unix://{folder}/socket",
        ],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not works(["docker", "info"], environment):
            assert daemon.poll() is None, "dockerd ended"
            assert time.monotonic() < deadline, "dockerd does not answer"
            time.sleep(0.5)
        yield environment
    finally:
        daemon.terminate()
        daemon.wait()
        works(["umount", "--lazy", f"{folder}/exec/netns/default"], environment)
        shutil.rmtree(folder, ignore_errors=True)


def build_image(environment: Mapping[str, str]) -> None:
    """Build the image as users do, on a base made here where that can be done, else on the recipe's own."""
    options = "--network host"
    if os.geteuid() == 0 and not lacking("debootstrap"):
        if not works(["docker", "image", "inspect", "healthward-base"], environment):
            with tempfile.TemporaryDirectory() as folder:
                archive = f"{folder}/base.tar"
                call(["bash", str(BASE), archive], environment)
                trust = "ENV PIP_CERT=/etc/ssl/host.pem"
                call(["docker", "import", "--change", trust, archive, "healthward-base"], environment)
        options += " --build-arg BASE=healthward-base"
    call(["make", "image", f"BUILD_OPTIONS={options}"], environment)


@contextmanager
def podman_storage(docker: Engine) -> Iterator[Mapping[str, str]]:
    """Yield the environment of a Podman that has the image, in a storage of its own for as long as this lasts."""
    folder = tempfile.mkdtemp(prefix="podman-")
    # What a root without the right to raise its limits needs; runc asks for less than Podman's default
    Path(folder, "containers.conf").write_text(
        '[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\n[engine]\nruntime = "runc"\n'
    )
    Path(folder, "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/graph"\nrunroot = "{folder}/run"\n'
    )
    environment = os.environ | {
        "PATH": PATH,
        "CONTAINERS_CONF": f"{folder}/containers.conf",
        "CONTAINERS_STORAGE_CONF": f"{folder}/storage.conf",
    }
    try:
        save = ["docker", "save", docker.image]
        with subprocess.Popen(save, env=docker.environment, stdout=subprocess.PIPE) as saved:
            # Needs twice the size of the image in /var/tmp; says so itself where that is missing
            subprocess.run(["podman", "load"], env=environment, stdin=saved.stdout, check=True)
        subprocess.run(["podman", "tag", docker.image, f"localhost/{IMAGE}"], env=environment, check=False)
        yield environment
    finally:
        works(["podman", "system", "reset", "--force"], environment)
        shutil.rmtree(folder, ignore_errors=True)
