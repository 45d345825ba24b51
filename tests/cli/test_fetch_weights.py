"""The tool that downloads weights, against a server of our own."""

import hashlib
import socket
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

import fetch_weights
from healthward.evaluation import weights
from healthward.evaluation.weights import Backbone


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on a server, from which two networks can be had."""
    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        backbones = {}
        for metric in ("lpips", "fid"):
            content = f"weights of {metric}".encode()
            name = f"{metric}-{hashlib.sha256(content).hexdigest()[:8]}.pth"
            (folder / name).write_bytes(content)
            backbones[metric] = Backbone(metric, (name,), f"http://127.0.0.1:{server.server_port}/{name}")
        monkeypatch.setattr(weights, "BACKBONES", backbones)
        yield folder
        server.shutdown()


def test_every_network_is_downloaded_once(served: Path, tmp_path: Path) -> None:
    out = tmp_path / "weights"
    result = CliRunner().invoke(fetch_weights.fetch, ["--out", str(out)])
    assert result.exit_code == 0, result.output
    names = sorted(path.name for path in served.iterdir())
    assert sorted(path.name for path in out.iterdir()) == names
    for name in names:
        assert (out / name).read_bytes() == (served / name).read_bytes()
        (served / name).unlink()
    assert CliRunner().invoke(fetch_weights.fetch, ["--out", str(out)]).exit_code == 0


def test_damaged_download_is_refused_and_leaves_nothing(served: Path, tmp_path: Path) -> None:
    file = next(served.glob("lpips-*"))
    file.write_bytes(b"cut off")
    result = CliRunner().invoke(fetch_weights.fetch, ["--out", str(tmp_path / "weights")])
    assert result.exit_code == 1
    assert f"{file.name}: cannot be downloaded" in result.output
    assert not list((tmp_path / "weights").iterdir())


def test_no_network_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody_listens.getsockname()[1]}/x-0.pth"
        monkeypatch.setattr(weights, "BACKBONES", {"lpips": Backbone("AlexNet", ("x-0.pth",), url)})
        result = CliRunner().invoke(fetch_weights.fetch, ["--out", str(tmp_path / "weights")])
    assert result.exit_code == 1
    [line] = [line for line in result.output.splitlines() if line.startswith("Error:")]
    assert f"{url}: cannot be downloaded" in line
    assert "on a machine with a network" in line
