"""The engines that the tests here ask for, each with the image."""

from collections.abc import Iterator

import pytest
from engines import IMAGE, Engine, build_image, call, docker_daemon, lacking, podman_storage

from requirements import need
from runs import PROJECT


@pytest.fixture(scope="session")
def docker() -> Iterator[Engine]:
    need("docker", lacking("docker", "dockerd", "make"))
    with docker_daemon() as environment:
        build_image(environment)
        yield Engine(
            "docker", environment, ("docker", "run", "--rm", "--read-only", "--tmpfs=/tmp", "--network=none"), IMAGE
        )


@pytest.fixture(scope="session")
def podman(docker: Engine) -> Iterator[Engine]:
    need("podman", lacking("podman", "runc"))
    with podman_storage(docker) as environment:
        run = ("podman", "run", "--rm", "--read-only", "--tmpfs=/tmp", "--network=none")
        yield Engine("podman", environment, run, f"localhost/{IMAGE}")


def as_one_file(converter: str, docker: Engine) -> Engine:
    """Return an engine that runs the image from a file, made as users make it."""
    need(converter, lacking(converter))
    call(["make", "sif"], docker.environment)
    run = (converter, "exec", "--no-privs", "--containall")
    return Engine(converter, docker.environment, run, str(PROJECT / "containers/healthward-0.1.0.sif"))


@pytest.fixture(scope="session")
def apptainer(docker: Engine) -> Engine:
    return as_one_file("apptainer", docker)


@pytest.fixture(scope="session")
def singularity(docker: Engine) -> Engine:
    return as_one_file("singularity", docker)
