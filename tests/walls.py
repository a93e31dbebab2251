#!/usr/bin/env python3
"""Holds the walls between the rooms of the house: which crate may depend on which, that the rules of the game can do no I/O,
that no two modules import each other, be it by way of others, and that each flag with a variable is declared once.

A module may use what its own parent declares or shows, and a parent its children: these are one room. What is left must be a
graph without circles.
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Each crate, and those it may depend on. The lowest come first.
ARROWS = {
    "wulin-text": [],
    "wulin-game": ["wulin-text"],
    "wulin-http": ["wulin-text"],
    "wulin-command": ["wulin-text"],
    "wulin-certs": ["wulin-http", "wulin-text"],
    "wulin-client": ["wulin-game", "wulin-http", "wulin-text"],
    "wulin-tools": ["wulin-certs", "wulin-client", "wulin-command", "wulin-game", "wulin-http", "wulin-text"],
    "wulin-server": ["wulin-certs", "wulin-command", "wulin-game", "wulin-text"],
    "wulin": ["wulin-certs", "wulin-command", "wulin-server", "wulin-tools"],
}

# All that the pure crates are built on: none of it opens a file or a socket, or reads a clock.
PURE = {"rand", "serde", "serde_json", "thiserror", "unicode-normalization", "wulin-text"}


def crates():
    """The packages of the workspace with their direct dependencies, those of tests left out."""
    metadata = subprocess.run(
        ["cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"],
        check=True, capture_output=True, text=True, cwd=ROOT,
    )
    for package in json.loads(metadata.stdout)["packages"]:
        needed = {d["name"] for d in package["dependencies"] if d["kind"] != "dev"}
        yield package["name"], pathlib.Path(package["manifest_path"]).parent, needed


def modules(source):
    """Every module below a `src` folder by its path, as ("edge", "gate"), with its text. The root is ()."""
    for file in sorted(source.rglob("*.rs")):
        path = list(file.relative_to(source).with_suffix("").parts)
        if path[-1] in ("lib", "main", "mod"):
            path.pop()
        # Tests may look at whatever they like.
        if "tests" not in path:
            yield tuple(path), file.read_text()


def leaves(tree):
    """The paths that a use tree such as `a::{b, c::d}` names, as lists of words."""
    tree = tree.strip()
    opened = tree.find("{")
    if opened < 0:
        return [tree.split(" as ")[0].strip().split("::")]
    head = [word for word in tree[:opened].strip().split("::") if word]
    inner, depth, parts, begun = tree[opened + 1 : tree.rfind("}")], 0, [], 0
    for at, letter in enumerate(inner):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            parts.append(inner[begun:at])
            begun = at + 1
    parts.append(inner[begun:])
    return [head + leaf for part in parts if part.strip() for leaf in leaves(part)]


def imports(text):
    """The paths of `crate` and `super` that a module names outside its tests."""
    text = re.split(r"^#\[cfg\(test\)\]\nmod ", text, flags=re.M)[0]
    text = re.sub(r"//[^\n]*", "", text)
    for tree in re.findall(r"\buse\s+((?:crate|super|self)\b[^;]*);", text):
        yield from leaves(tree)
    # Those in the middle of code.
    rest = re.sub(r"\buse\s+[^;]*;", "", text)
    for path in re.findall(r"\b(?:crate|super)(?:::\w+)+", rest):
        yield path.split("::")


def graph(source):
    """Which modules use which."""
    texts = dict(modules(source))
    arrows = {}
    for module, text in texts.items():
        arrows[module] = set()
        # Children that a parent declares are named without `self`.
        for path in imports(text):
            at, words = (list(module), path[1:]) if path[0] != "crate" else ([], path[1:])
            if path[0] == "super":
                at = at[:-1]
                while words[:1] == ["super"]:
                    at, words = at[:-1], words[1:]
            while words and tuple(at + words[:1]) in texts:
                at, words = at + words[:1], words[1:]
            found = tuple(at)
            family = found == module[: len(found)] or module == found[: len(module)]
            if not family:
                arrows[module].add(found)
    return arrows


def rooms(arrows):
    """The same between siblings: an arrow from a/b/c to a/d/e is one from a/b to a/d."""
    between = {}
    for module, others in arrows.items():
        for other in others:
            fork = 0
            while module[fork] == other[fork]:
                fork += 1
            between.setdefault(module[: fork + 1], set()).add(other[: fork + 1])
    return between


def circle(arrows):
    """One circle, as the modules it leads through, or none."""
    done, path = set(), []

    def walk(module):
        if module in path:
            return path[path.index(module) :] + [module]
        if module in done:
            return None
        path.append(module)
        for other in sorted(arrows.get(module, ())):
            if found := walk(other):
                return found
        path.pop()
        done.add(module)
        return None

    for module in sorted(arrows):
        if found := walk(module):
            return found
    return None


def declared_twice():
    """The variables, and so the flags, that are declared in more places than one."""
    sources = [*ROOT.glob("src/**/*.rs"), *ROOT.glob("crates/*/src/**/*.rs")]
    found = [name for file in sources for name in re.findall(r'env = "(WULIN_\w+)"', file.read_text())]
    return sorted(name for name in set(found) if found.count(name) > 1)


def main():
    faults = [f"{name} is declared twice: what commands share is in command/src/flags.rs" for name in declared_twice()]
    for name, folder, needed in crates():
        ours = {other for other in needed if other.startswith("wulin")}
        for other in sorted(ours - set(ARROWS.get(name, ()))):
            faults.append(f"{name} depends on {other}, which is not below it")
        if name in ("wulin-text", "wulin-game"):
            for other in sorted(needed - PURE):
                faults.append(f"{name} is pure and depends on {other}")
        found = circle(rooms(graph(folder / "src")))
        if found:
            faults.append(f"{name} has a circle: " + " -> ".join("::".join(module) for module in found))
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
