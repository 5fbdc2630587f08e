"""Files of a stage that a crash or a full disk has cut off: each command works, or names the file and the command that mends it."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rehearsal.toy import PROGRAM, Toy

pytestmark = pytest.mark.engine

MENDED_BY = {"dev.json": "recover", "clouds.sqlite": "recover", "passphrase": "reset"}
"""Files without which no command can do its work, and the command that each of them then names."""
ALONE = {*MENDED_BY, "meta.yaml", "staged.sha256", "Pulumi.dev.yaml", "seal.json"}
"""Files that are cut off one by one; the others all at once."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A stack with a secret, up and previewed, that is copied for each test."""
    toy = Toy(tmp_path_factory.mktemp("kept"))
    secret = "  toy:password: {secure: v1:bm9uY2U=:c2VhbGVk}\n"
    (toy.project / "Pulumi.dev.yaml").write_text((toy.project / "Pulumi.dev.yaml").read_text() + secret)
    (toy.project / "infra" / "__main__.py").write_text(PROGRAM + 'pulumi.export("p", pulumi.Config().require_secret("password"))\n')
    toy("up", "--no-packs")
    toy("preview", "--no-packs")
    return toy


@pytest.fixture
def toy(kept: Toy, tmp_path: Path) -> Iterator[Toy]:
    """The stage, put back as it was after the test."""
    copy = tmp_path / "copy"
    shutil.copytree(kept.state, copy, symlinks=True)
    yield kept
    shutil.rmtree(kept.state)
    shutil.copytree(copy, kept.state, symlinks=True)


def files(toy: Toy) -> list[Path]:
    return [path for path in sorted(toy.stage.rglob("*")) if path.is_file() and not path.is_symlink()]


def test_files_that_nothing_hangs_on(toy: Toy) -> None:
    others = [path for path in files(toy) if path.name not in ALONE]
    assert {"lock", "Pulumi.yaml", "dev.json.bak", "up.json"} <= {path.name for path in others}
    for path in others:
        path.write_bytes(b"")
    unchanged(toy)


@pytest.mark.parametrize("name", sorted(ALONE))
def test_a_file_that_is_cut_off(toy: Toy, name: str) -> None:
    path = next(path for path in files(toy) if path.name == name)
    path.write_bytes(b"")
    if name in MENDED_BY:
        refused = toy("preview", "--no-packs", code=1)
        assert str(path) in refused.stderr
        assert re.findall(r"groundwork rehearse (\w+) --stack dev", refused.stderr) == [MENDED_BY[name]]
        toy(MENDED_BY[name])
        toy("preview", "--no-packs")
    else:
        unchanged(toy)


def unchanged(toy: Toy) -> None:
    """A preview changes nothing."""
    assert "against stand-in clouds: 4 same\n" in toy("preview", "--no-packs").stdout
