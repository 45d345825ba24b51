"""A SLURM cluster of several nodes on one machine: real daemons, in a folder of their own, on ports of their own."""

import contextlib
import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "sinfo", "scancel")
PATH = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/usr/local/sbin"])

CONFIGURATION = """
ClusterName=local
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CryptoType=crypto/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
# Memory is watched, and a job above its request killed
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherParams=OverMemoryKill
JobAcctGatherFrequency=task=1
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
# More processors and memory are advertised than there may be
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1,sched_min_interval=0,bf_interval=1,batch_sched_delay=0
SchedulerTimeSlice=5
DefMemPerCPU=1000
PropagateResourceLimits=NONE
MaxArraySize=1001
# A node that is silent for so long is lost, and one that speaks again is back
SlurmdTimeout=8
ReturnToService=2
KillWait=10
MinJobAge=30
GresTypes=gpu
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP LLN=YES
"""
NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} "
    "CPUs={cpus} RealMemory={memory} Gres=gpu:2 State=UNKNOWN"
)


def missing() -> list[str]:
    """Return the programs that a cluster needs and that this machine lacks."""
    return [name for name in PROGRAMS if not shutil.which(name, path=PATH)]


class Cluster:
    """Nodes n1, n2, … under one controller.

    Args:
        nodes: how many.
        cpus: processors that each advertises.
        memory: MB that each advertises.
    """

    def __init__(self, nodes: int = 3, cpus: int = 4, memory: int = 6000) -> None:
        # Not a test's own folder: the path of a socket holds a hundred characters
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-"))
        self.nodes = [f"n{number}" for number in range(1, nodes + 1)]
        self.environment = os.environ | {"PATH": PATH, "SLURM_CONF": str(self.folder / "slurm.conf")}
        host, ports = socket.gethostname(), free_ports(nodes + 1)
        described = [
            NODE.format(name=name, host=host, port=port, cpus=cpus, memory=memory)
            for name, port in zip(self.nodes, ports[1:], strict=True)
        ]
        text = CONFIGURATION.format(
            host=host, port=ports[0], user=getpass.getuser(), folder=self.folder, nodes="\n".join(described)
        )
        (self.folder / "slurm.conf").write_text(text)
        (self.folder / "gres.conf").write_text("Name=gpu File=/dev/null\nName=gpu File=/dev/zero\n")

    def start(self) -> None:
        self.folder.chmod(0o755)
        for name in ("munge", "state", *self.nodes):
            (self.folder / name).mkdir(mode=0o755)
        key = self.folder / "munge/key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        munge = self.folder / "munge"
        self.call(
            "munged", f"--key-file={key}", f"--socket={munge}/socket", f"--pid-file={munge}/munged.pid",
            f"--log-file={munge}/log", f"--seed-file={munge}/seed", "--num-threads=2",
        )  # fmt: skip
        self.call("slurmctld", "-c")
        for node in self.nodes:
            self.start_node(node)
        wait_until(lambda: self.states() == ["idle"] * len(self.nodes), "all nodes to be idle")

    def start_node(self, node: str) -> None:
        self.call("slurmd", "-N", node)

    def stop(self) -> None:
        for node in self.nodes:
            self.kill_node(node)
        for pid_file in (self.folder / "slurmctld.pid", self.folder / "munge/munged.pid"):
            self.end_daemon(pid_file, signal.SIGTERM)
            wait_until(lambda pid_file=pid_file: not pid_file.exists(), f"the end of {pid_file.stem}")
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill_node(self, node: str) -> None:
        """End a node as a power cut does: its daemon, the daemon's helpers and every process of its jobs."""
        self.end_daemon(self.folder / f"{node}.pid", signal.SIGKILL)
        # The helpers before the jobs, whose end they would report
        for process in processes():
            if command(process).startswith("slurmstepd") and str(self.folder / f"{node}.log") in open_files(process):
                end(process, signal.SIGKILL)
        for process in self.processes(SLURMD_NODENAME=node):
            end(process, signal.SIGKILL)

    def end_daemon(self, pid_file: Path, number: signal.Signals) -> None:
        if pid_file.exists():
            end(int(pid_file.read_text()), number)

    def processes(self, **variables: str) -> list[int]:
        """Return the processes of this cluster's jobs in whose environment these variables stand."""
        wanted = variables | {"SLURM_CONF": self.environment["SLURM_CONF"]}
        return [pid for pid in processes() if all(variable(pid, name) == value for name, value in wanted.items())]

    def states(self) -> list[str]:
        """Return the state of every node, such as idle, in their order."""
        return self.call("sinfo", "--noheader", "--Node", "--format=%T", "--nodes", ",".join(self.nodes)).split()

    def jobs(self) -> dict[str, str]:
        """Return id and name of every job that waits or runs."""
        lines = self.call("squeue", "--noheader", "--array", "--format=%i %j").splitlines()
        return dict(line.split(maxsplit=1) for line in lines)

    def job(self, name: str) -> str:
        """Return the id of the one job of a name, or of a name and a tag, that waits or runs."""
        [number] = [number for number, full in self.jobs().items() if full.startswith(name)]
        return number

    def call(self, *line: str) -> str:
        done = subprocess.run(line, env=self.environment, check=False, text=True, capture_output=True)
        assert done.returncode == 0, f"{' '.join(line)}: {done.stderr or done.stdout}"
        return done.stdout


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.2)


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def end(process: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


def processes() -> list[int]:
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]


def command(process: int) -> str:
    """Return the command line of a process; empty when it has ended."""
    return " ".join(_read(process, "cmdline"))


def variable(process: int, name: str) -> str | None:
    """Return what a variable was when a process started."""
    return dict(entry.split("=", 1) for entry in _read(process, "environ") if "=" in entry).get(name)


def has_loaded(process: int, library: str) -> bool:
    """Return whether a process has a library in its memory; not when it has ended."""
    with contextlib.suppress(OSError):
        return library in Path(f"/proc/{process}/maps").read_text()
    return False


def open_files(process: int) -> str:
    with contextlib.suppress(OSError):
        return " ".join(str(link.readlink()) for link in Path(f"/proc/{process}/fd").iterdir())
    return ""


def _read(process: int, name: str) -> list[str]:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/{name}").read_bytes().decode(errors="replace").split("\0")
    return []
