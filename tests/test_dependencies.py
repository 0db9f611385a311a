"""Installed packages are declared where imported, locked with hashes, and go with MIT."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution, packages_distributions
from pathlib import Path
from urllib.parse import urljoin

import cyclonedx.schema
import jsonschema_rs
import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.version import Version

from dependencies.licences import PAGE, READ_IN_FILES, SHIPPED_LOCKS, licence, page, refused
from dependencies.lock import EXTRAS, FOLDER, LOCKS, ROOT, canonical_name, left_to, read_lock, requirements
from heart_reader.extras import EXTRA_OF
from heart_reader.weights import shipped_readers

# Where names may be imported that are not declared for running.
DEVELOPMENT = ("tests", "benchmarks", "dependencies")
# Needed for running and imported by other packages or in no file of ours, with what needs them.
NOT_IMPORTED = {
    "onnxscript": "torch.onnx", "python-multipart": "starlette", "uvloop": "uvicorn", "shtab": "the shell",
}  # fmt: skip
# Which extras a part of the package may import when it is itself imported, beside what the core
# needs. The longest prefix counts; what is not named here is core.
PARTS: dict[str, tuple[str, ...]] = {
    "": (),
    "archive": ("archive",), "bulk": ("bulk",), "bulk/on_ray": ("ray",), "config": ("train",),
    "data/augmentations": ("train",), "data/build": ("train",), "data/cache": ("train",), "data/dataset": ("train",),
    "data/download": ("train",), "data/record_table": ("train",), "data/sources": ("train",), "data/synthetic": ("train",),
    "data/scp_statements": ("train",), "data/tasks": ("train",),
    "edge": ("export",), "edge/stream": (), "edge/device": (),
    "data/paper": ("plot",), "section": ("train",),
    "evaluation": ("train",), "explain": ("explain", "train"), "features/build": ("train",), "features/ptbxl_plus": ("train",),
    "exchange/dicom_items": ("formats",),
    "frontend": ("serve",), "models": ("train",), "paper": ("plot",), "reading_page": ("plot",), "signing/": ("signing",),
    "studies": ("train",), "training": ("train",), "training/tune": ("tune",), "training/study": ("tune",),
}  # fmt: skip
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def declared(*extras: str) -> set[str]:
    """Canonical names of what the core and some extras declare."""
    return {canonical_name(Requirement(line).name) for line in requirements(*extras)}


def imports(path: Path, *, at_import: bool = False) -> set[str]:
    """Top-level modules that a file imports, wherever in it, or what importing it needs."""
    found = set()
    for node in (
        _statements(ast.parse(path.read_text(encoding="utf-8"))) if at_import else ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    ):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(str(node.module))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("importorskip", "import_module"):
            found |= {argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant)}
    own = {"heart_reader", "tests", "dependencies", *(script.stem for script in ROOT.glob("*.py"))}
    return {name.split(".")[0] for name in found} - sys.stdlib_module_names - own


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """What runs when a module is imported: no functions, and nothing for type checkers."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from _statements(node)


def distributions(files: list[Path]) -> dict[str, str]:
    """Canonical names of the distributions that files import, with one of the files."""
    known = packages_distributions()
    beside = {path.stem for path in files} | {path.parent.name for path in files}
    found: dict[str, str] = {}
    for path in files:
        for module in imports(path) - beside:
            assert module in known, f"{path.relative_to(ROOT)}: {module} is imported and not installed"
            found |= dict.fromkeys(_of_module(known[module]), str(path.relative_to(ROOT)))
    return found


def _of_module(names: list[str]) -> list[str]:
    """Distributions that a module stands for; of several in one namespace, the declared ones."""
    canonical = [canonical_name(name) for name in names]
    return [name for name in canonical if name in declared("all", "flac", "dev")] or canonical[:1]


def runtime_files() -> list[Path]:
    return [*(ROOT / "heart_reader").rglob("*.py"), *ROOT.glob("*.py")]


def part_of(path: Path) -> str:
    inside = path.relative_to(ROOT / "heart_reader").with_suffix("").as_posix()
    return max((prefix for prefix in PARTS if inside.startswith(prefix)), key=len)


def test_what_the_package_imports_is_declared() -> None:
    found = distributions(runtime_files())
    assert len(found) > 15
    allowed = declared("all", "flac")
    assert {name: path for name, path in found.items() if name not in allowed} == {}


def test_what_importing_a_module_needs_is_in_the_extra_of_its_part() -> None:
    known = packages_distributions()
    undeclared = {
        str(path.relative_to(ROOT)): module
        for path in (ROOT / "heart_reader").rglob("*.py")
        for module in imports(path, at_import=True)
        if canonical_name(known[module][0]) not in declared(*PARTS[part_of(path)])
    }
    assert undeclared == {}


def test_the_core_needs_little() -> None:
    assert declared() == {"numpy", "scipy", "onnxruntime", "defusedxml"}
    assert {"torch", "pandas", "matplotlib", "scikit-learn"} & declared(*EXTRAS["serve"]) == set()


@pytest.mark.parametrize(("module", "extra"), EXTRA_OF.items())
def test_the_extra_of_a_module_declares_it(module: str, extra: str) -> None:
    known = packages_distributions()
    if module in known:
        assert set(_of_module(known[module])) <= declared(extra) - declared()


def test_requirements_txt_is_no_second_list() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line and line[0] != "#"] == ["-e .[all]"]


def test_what_is_declared_is_a_range() -> None:
    for line in requirements("all"):
        operators = {one.operator for one in Requirement(line).specifier}
        assert ">=" in operators, line
        assert "==" not in operators, line


def test_what_tests_and_tools_import_is_declared() -> None:
    found = distributions([path for folder in DEVELOPMENT for path in (ROOT / folder).rglob("*.py")])
    assert "wfdb" in found
    allowed = declared("dev")
    assert {name: path for name, path in found.items() if name not in allowed} == {}


def test_what_is_declared_for_running_is_imported() -> None:
    assert declared("all") - set(distributions(runtime_files())) <= set(NOT_IMPORTED)


def test_what_only_tests_need_is_not_installed_for_running() -> None:
    running = {name for lock in LOCKS if lock != "dev" for name in read_lock(lock)}
    assert running & {"wfdb", "aiohttp", "soundfile", "pytest", "huggingface-hub"} == set()
    # HTTP of the archive's client is no business of a server.
    assert {name for lock in ("core", "serve", "signing", "torch") for name in read_lock(lock)} & {"requests", "urllib3"} == set()
    assert set(read_lock("core")) >= {"numpy", "scipy", "onnxruntime"}
    assert set(read_lock("core")) & {"torch", "pandas", "pydantic"} == set()
    assert set(read_lock("serve")) >= {*read_lock("core"), "fastapi", "pydicom"}
    assert set(read_lock("serve")) & {"torch", "pandas", "matplotlib"} == set()


def test_no_library_of_cuda_is_installed_beside_a_cpu_build() -> None:
    assert [name for lock in LOCKS if lock != "cuda" for name in read_lock(lock) if re.match("nvidia|cuda|triton$", name)] == []
    assert all("sys_platform == 'linux'" in pin.marker for pin in read_lock("cuda").values())


@pytest.mark.parametrize(
    ("extras", "locks"),
    [
        ((), ("core",)),
        (EXTRAS["serve"], ("serve",)),
        (("signing",), ("core", "signing")),
        (("all",), ("serve", "signing", "torch", "all")),
        (("dev",), ("serve", "signing", "torch", "all", "dev")),
    ],
)
def test_locks_hold_what_is_declared(extras: tuple[str, ...], locks: tuple[str, ...]) -> None:
    locked = {name: pin.version for lock in locks for name, pin in read_lock(lock).items()}
    for requirement in map(Requirement, requirements(*extras)):
        name = canonical_name(requirement.name)
        assert name in locked, f"{name}: make lock"
        assert requirement.specifier.contains(locked[name]), f"{name}: make lock"


def test_locks_agree_with_each_other() -> None:
    everywhere: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, pin in read_lock(lock).items():
            everywhere.setdefault(name, set()).add(pin.version)
    assert {name: versions for name, versions in everywhere.items() if len(versions) > 1} == {}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_a_version_and_hashes(lock: str) -> None:
    text = (FOLDER / f"{lock}.lock").read_text(encoding="utf-8")
    found = read_lock(lock)
    assert len(found) == len(re.findall(r"^[A-Za-z0-9]", text, re.MULTILINE)) > 0, "a package twice"
    for name, pin in found.items():
        assert str(Version(pin.version)) == pin.version, name
        assert pin.hashes, f"{name}: no hash"
        assert not pin.marker or isinstance(Marker(pin.marker).evaluate(), bool)
    expected = re.compile(r"#.*|[a-z0-9-]+==\S+( ; [^\\]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
    assert [line for line in text.splitlines() if not expected.fullmatch(line)] == []


@pytest.mark.parametrize(
    "path", [*ROOT.glob("requirements*.txt"), *(FOLDER / f"{lock}.lock" for lock in LOCKS)], ids=lambda path: path.name
)
def test_no_requirement_names_a_place(path: Path) -> None:
    """Where packages come from is for whoever installs them to say."""
    assert re.findall(r"://|^\s*-[-a-z]*(?:index|find|host)\S*|\bwww\.|@ ", path.read_text(encoding="utf-8"), re.MULTILINE) == []


@pytest.mark.parametrize("lock", ["serve", "signing", "torch", "all", "dev"])
def test_locks_are_complete_and_installed(lock: str) -> None:
    """The locks hold all that is needed, and this installation is the locked one."""
    locked = {name: pin for one in LOCKS for name, pin in read_lock(one).items()}
    for name, pin in read_lock(lock).items():
        if pin.marker and not Marker(pin.marker).evaluate():
            continue
        found = distribution(name)
        assert Version(found.version).public == pin.version, f"{name}: make install"
        for requirement in map(Requirement, found.requires or ()):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                needed = canonical_name(requirement.name)
                assert needed in locked or re.match("nvidia|cuda|triton", needed), f"{name} needs {needed}: make lock"


def test_the_page_of_licences_is_in_step_with_the_locks() -> None:
    def rows(text: str) -> list[str]:
        return [line for line in text.splitlines() if line.endswith((".lock |", "Windows |"))]

    written = rows(page())
    assert rows(PAGE.read_text(encoding="utf-8")) == written, "make licences"
    assert len(written) == sum(len(read_lock(lock)) for lock in SHIPPED_LOCKS)


def test_a_package_under_gpl_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused("GPL-2.0-only")
    monkeypatch.setitem(READ_IN_FILES, "jinja2", "AGPL-3.0-only")
    with pytest.raises(ValueError, match=r"jinja2 \(AGPL-3\.0-only\): under GPL"):
        page()


def test_a_package_that_states_no_licence_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert licence("numpy").startswith("BSD-3-Clause")
    monkeypatch.delitem(READ_IN_FILES, "kiwisolver")
    with pytest.raises(ValueError, match=r"kiwisolver: .*no SPDX expression"):
        licence("kiwisolver")


def test_the_bill_of_materials_is_valid_and_complete(tmp_path: Path) -> None:
    out = tmp_path / "sbom.cdx.json"
    subprocess.run([sys.executable, "-m", "dependencies.sbom", "--out", str(out)], cwd=ROOT, check=True, capture_output=True)
    bill = json.loads(out.read_text(encoding="utf-8"))
    schemas = Path(cyclonedx.schema.__file__).parent / "_res"
    schema = json.loads((schemas / "bom-1.6.SNAPSHOT.schema.json").read_text(encoding="utf-8"))
    parts = [
        (urljoin(schema["$id"], path.name), json.loads(path.read_text(encoding="utf-8"))) for path in schemas.glob("[sjc]*.schema.json")
    ]
    validator = jsonschema_rs.validator_for(schema, registry=jsonschema_rs.Registry(parts))
    assert [error.message for error in validator.iter_errors(bill)] == []
    assert not validator.is_valid({**bill, "specVersion": 7})
    by_name = {component["name"]: component for component in bill["components"]}
    running = [item for lock in ("serve", "torch", "all") for item in read_lock(lock).items()]
    here = {name for name, pin in running if not pin.marker or Marker(pin.marker).evaluate()}
    assert here == {name for name, component in by_name.items() if component["type"] == "library"}
    assert all(by_name[name]["licenses"] and by_name[name]["purl"].startswith(f"pkg:pypi/{name}@") for name in here)
    readers = [component for component in bill["components"] if component["type"] == "machine-learning-model"]
    assert len(readers) == len(shipped_readers())
    needs = {one["ref"]: set(one.get("dependsOn", ())) for one in bill["dependencies"]}
    assert {"numpy", "scipy", "onnxruntime"} <= needs["heart-reader"]
    assert "sympy" in needs["torch"]


def test_make_installs_nothing_without_its_hash() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    installs = re.findall(r"^(?:PIP|LOCKED) := .*|\$\((?:PIP|LOCKED)\) .*|pip install .*", makefile, re.MULTILINE)
    assert "LOCKED := $(PIP) --require-hashes" in installs
    assert [line for line in installs if line.startswith("$(PIP)")] == ["$(PIP) --no-build-isolation --editable ."]
    assert makefile.count("pip install") == 1


def test_a_package_that_another_lock_has_for_one_platform_only_is_locked_again_for_all() -> None:
    others = {"colorama": "colorama==0.4.6 ; sys_platform == 'win32' \\\n", "attrs": "attrs==1.0 \\\n"}
    assert left_to({"colorama": "colorama==0.4.6 \\\n", "attrs": "attrs==1.0 \\\n"}, others) == {"colorama": "colorama==0.4.6 \\\n"}
