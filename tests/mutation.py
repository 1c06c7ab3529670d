"""Change the domain in every small way that mutmut knows, and count which changes no test notices.

Words name modules of portfolio/domain (all by default). `--again` tries, in all modules, only what was not killed
last time and what was changed since.
mutmut leaves decorated functions alone, so they are read with their decorators below them: `f = in_context(f)`.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOM = ROOT / "build" / "mutation"
DOMAIN = Path("portfolio/domain")
LEAST = 0.9
KILLED = {1, 3}
SILENT = {0: "survived", 5: "no tests", 33: "no tests", 24: "timeout", -24: "timeout", 36: "timeout", None: "not run"}
COPIED = ("pyproject.toml", "portfolio/__init__.py", "tests/__init__.py", "tests/profiles.py", "tests/portfolio")
INI = "[pytest]\nfilterwarnings = error\nmarkers =\n    once\n    cases\n"


def main(words: list[str]) -> int:
    """Prepare a copy, let mutmut loose on it, and say whether too much survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*")
    parser.add_argument("--again", action="store_true", help="only what was not killed last time")
    parser.add_argument("--children", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--report", action="store_true", help="run nothing, tell of the last run")
    options = parser.parse_args(words)
    modules = options.modules or sorted(path.stem for path in (ROOT / DOMAIN).glob("*.py") if path.stem != "__init__")
    if not options.report:
        prepare()
        if options.again:
            forget()
        names = [] if options.again else [f"portfolio.domain.{module}.*" for module in modules]
        mutate(names, children=options.children)
    return report(modules)


def prepare() -> None:
    """Lay out the domain and its tests alone: no Django, no plugins, and every function open to change."""
    shutil.rmtree(ROOM / "tests", ignore_errors=True)
    shutil.rmtree(ROOM / "mutants" / "tests", ignore_errors=True)
    (ROOM / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)
    for name in COPIED:
        target = ROOM / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("conftest.py", "__pycache__"))
        else:
            shutil.copy(ROOT / name, target)
    (ROOM / "pytest.ini").write_text(INI)
    for path in (ROOT / DOMAIN).glob("*.py"):
        _write(ROOM / DOMAIN / path.name, bared(path.read_text()))


def _write(path: Path, text: str) -> None:
    """Write a file unless it says so already: its results stand as long as it is older than its mutants."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def bared(source: str) -> str:
    """Return a module in which each decorator of a function is applied below it, by its own meaning."""
    lines = source.splitlines()
    for function in sorted(_decorated(ast.parse(source)), key=lambda found: found.lineno, reverse=True):
        value = function.name
        for decorator in reversed(function.decorator_list):
            value = f"{ast.unparse(decorator)}({value})"
        lines.insert(function.end_lineno or 0, f"{' ' * function.col_offset}{function.name} = {value}")
        del lines[function.decorator_list[0].lineno - 1 : function.lineno - 1]
    return "\n".join(lines) + "\n"


def _decorated(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            yield node


def forget() -> None:
    """Forget what was not killed, so that mutmut tries it anew."""
    for path in (ROOM / "mutants" / DOMAIN).glob("*.meta"):
        kept = json.loads(path.read_text())
        codes = kept["exit_code_by_key"]
        kept["exit_code_by_key"] = {name: code if code in KILLED else None for name, code in codes.items()}
        path.write_text(json.dumps(kept))


def mutate(names: list[str], *, children: int) -> None:
    """Run mutmut in a child, where its ways with folders and modules harm nobody."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    os.environ |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "HYPOTHESIS_PROFILE": "mutation"}
    os.chdir(ROOM)
    program = str(Path(sys.executable).with_name("mutmut"))
    os.execv(sys.executable, [sys.executable, "-P", program, "run", "--max-children", str(children), *names])


def report(modules: Iterable[str]) -> int:
    """Print what survived and the share that was killed, by module and in all."""
    counts: Counter[str] = Counter()
    for module in modules:
        codes = _codes(module)
        kinds = Counter("killed" if code in KILLED else SILENT.get(code, "suspicious") for code in codes.values())
        counts += kinds
        print(_row(module, kinds))
        for name, code in codes.items():
            if code not in KILLED:
                print(f"    {SILENT.get(code, code)}: {name.removeprefix('portfolio.domain.')}")
    print(_row("all", counts))
    return int(counts["killed"] < LEAST * counts.total() or not counts.total())


def _row(name: str, kinds: Counter[str]) -> str:
    share = kinds["killed"] / kinds.total() if kinds.total() else 1.0
    others = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()) if kind != "killed" and count)
    return f"{name}: {kinds['killed']} of {kinds.total()} killed, {share:.1%}" + (f" ({others})" if others else "")


def _codes(module: str) -> dict[str, int | None]:
    """Return how the tests ended for each mutant of a module."""
    path = ROOM / "mutants" / DOMAIN / f"{module}.py.meta"
    codes: dict[str, int | None] = json.loads(path.read_text())["exit_code_by_key"] if path.exists() else {}
    return codes


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
