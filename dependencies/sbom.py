"""Write the bill of materials: packages with versions, hashes, licences; the shipped readers.

It is CycloneDX 1.6 in JSON. Run: ``make sbom``, which describes the packages of ``.venv`` that are
locked for running, and refuses versions other than the locked ones.
"""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.version import Version

from dependencies.licences import licence
from dependencies.lock import Pin, canonical_name, read_lock
from heart_reader.checkpoint import load_checkpoint
from heart_reader.signing import signature_facts
from heart_reader.weights import find_reader, shipped_readers

__all__ = ["bill"]

LOCKS = ("serve", "torch", "all")
NAME = "heart-reader"


def bill() -> Bom:
    """Return the bill of materials of the installation that this runs in.

    Raises
    ------
    ValueError
        If a locked package is missing or has another version.
    """
    pins = {name: pin for lock in LOCKS for name, pin in read_lock(lock).items() if not pin.marker or Marker(pin.marker).evaluate()}
    bom = Bom()
    own = Component(
        name=NAME,
        version=distribution(NAME).version,
        type=ComponentType.APPLICATION,
        bom_ref=NAME,
        licenses=[LicenseExpression("MIT")],
    )
    bom.metadata.component = own
    packages = {name: _package(name, pin) for name, pin in pins.items()}
    bom.components.update(packages.values())
    bom.register_dependency(own, [packages[name] for name in _needed(NAME) if name in packages])
    for name, component in packages.items():
        bom.register_dependency(component, [packages[other] for other in _needed(name) if other in packages])
    bom.components.update(_reader(directory) for directory in map(find_reader, shipped_readers()))
    return bom


def _package(name: str, pin: Pin) -> Component:
    """Describe a package, with the hashes of all files that may have been installed."""
    try:
        version = distribution(name).version
    except PackageNotFoundError:
        raise ValueError(f"{name}: locked and not installed: make install") from None
    if Version(version).public != Version(pin.version).public:
        raise ValueError(f"{name}: version {version} is installed and {pin.version} is locked: make install")
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        bom_ref=name,
        purl=PackageURL("pypi", name=name, version=version),
        licenses=[LicenseExpression(licence(name))],
        properties=[Property(name="heart_reader:allowed_file_sha256", value=value) for value in sorted(pin.hashes)],
    )


def _reader(directory: Path) -> Component:
    """Describe a shipped checkpoint."""
    checkpoint = load_checkpoint(directory)
    return Component(
        name=f"{checkpoint.manifest['config']['name']} ({checkpoint.runtime})",
        version=checkpoint.sha256,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=checkpoint.sha256,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=checkpoint.manifest["weights"]["sha256"])],
        properties=[Property(name="heart_reader:signature", value=signature_facts(checkpoint, None)["state"])],
    )


def _needed(name: str) -> set[str]:
    """Return the canonical names of what an installed package says that it needs here."""
    requirements = map(Requirement, distribution(name).requires or ())
    return {canonical_name(one.name) for one in requirements if one.marker is None or one.marker.evaluate({"extra": ""})}


def main(out: Path) -> int:
    """Write the bill; return 0, or 1 if the installation is not as locked."""
    try:
        text = JsonV1Dot6(bill()).output_as_string(indent=2)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text + "\n", encoding="utf-8")
    print(f"wrote {out}")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the bill of materials of this installation.")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to write the JSON")
    sys.exit(main(parser.parse_args().out))
