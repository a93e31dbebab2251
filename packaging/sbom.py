#!/usr/bin/env python3
"""Writes what the program is made of to standard output: a CycloneDX 1.5 bill of materials in JSON.

It lists what is linked in or helps to build on this machine's platform, and nothing that only tests need, with the checksums
of Cargo.lock. The same lock file gives the same bill.
"""

import json
import pathlib
import subprocess
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments, "--locked"], check=True, capture_output=True, text=True, cwd=ROOT).stdout


def built():
    """Name and version of everything that is linked in or helps to build. `cargo metadata` would name more: whatever any
    feature could switch on."""
    lines = cargo("tree", "--edges", "normal,build", "--prefix", "none", "--format", "{p}").splitlines()
    return {tuple(line.split()[:2]) for line in lines}


def dependencies(node):
    """The ids a package needs to be built or to run."""
    return [d["pkg"] for d in node["deps"] if any(kind["kind"] != "dev" for kind in d["dep_kinds"])]


def purl(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def component(package, checksums):
    described = {
        "type": "library",
        "bom-ref": purl(package),
        "name": package["name"],
        "version": package["version"],
        "purl": purl(package),
    }
    checksum = checksums.get((package["name"], package["version"]))
    if checksum:
        described["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if package["license"]:
        # Crates from before SPDX expressions write a slash for "or".
        described["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    return described


def main():
    metadata = json.loads(cargo("metadata", "--format-version", "1"))
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    checksums = {(p["name"], p["version"]): p.get("checksum") for p in lock["package"]}
    wanted = built()
    packages = {
        package["id"]: package
        for package in sorted(metadata["packages"], key=lambda package: (package["name"], package["version"]))
        if (package["name"], f"v{package['version']}") in wanted
    }
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": component(packages[root], checksums) | {"type": "application"}},
        "components": [component(package, checksums) for id, package in packages.items() if id != root],
        "dependencies": [
            {
                "ref": purl(package),
                "dependsOn": sorted({purl(packages[d]) for d in dependencies(nodes[id]) if d in packages}),
            }
            for id, package in packages.items()
        ],
    }
    print(json.dumps(bill, indent=1))


if __name__ == "__main__":
    main()
