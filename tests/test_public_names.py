"""Public names: one import is enough, every form of import works in every order, and type checkers agree."""

from __future__ import annotations

import ast
import copy
import inspect
import os
import pickle
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import qabwnas
import qabwnas.search
from tests.strategies import lut_from_columns

ROOT = Path(__file__).resolve().parents[1]

FORMS = [
    "import qabwnas; assert qabwnas.search(lut).status == 'optimal'; assert qabwnas.explain(lut).objective == 1",
    "import qabwnas; assert qabwnas.errors.InputError is qabwnas.InputError; assert qabwnas.lut is not None",
    "import qabwnas; assert qabwnas.search.session.Session is qabwnas.Session",
    "import qabwnas.search; assert qabwnas.search(lut).answers == qabwnas.search.search(lut).answers",
    "import qabwnas.search as s; assert s(lut).answers == s.api.search(lut).answers",
    "import qabwnas.search.session; assert qabwnas.search.session.Session(lut).search().status == 'optimal'",
    "import qabwnas.search.explain; assert qabwnas.search.explain.Explanation is qabwnas.Explanation",
    "import qabwnas.search.explain as ex; assert ex.explain(lut) == ex(lut)",
    "import qabwnas.search.api as api; assert api.search(lut).status == 'optimal'",
    "from qabwnas import search; assert search(lut).status == 'optimal'; assert search.Session(lut)",
    "from qabwnas import explain; assert explain(lut).objective == 1; assert type(explain).__name__ == 'function'",
    "from qabwnas import Session, Scope, Frontier, InputError, answer_batch; assert Session(lut)",
    "from qabwnas import *; assert search(lut).status == 'optimal'; assert explain(lut).objective == 1",
    "from qabwnas.search import *; assert search(lut).status == 'optimal'; assert explain(lut).objective == 1",
    "from qabwnas.search import search; assert search(lut).status == 'optimal'",
    "from qabwnas.search import explain; assert explain(lut) == explain.explain(lut)",
    "from qabwnas.search import session, frontier, api; assert session.Session(lut).front(['loss'])",
    "from qabwnas.search.session import Session; assert Session(lut).explain().objective == 1",
    "from qabwnas.search.explain import explain; assert explain(lut).objective == 1",
    "from qabwnas.search.frontier import Frontier; assert Frontier.build(lut, ['loss'])",
    "from qabwnas.errors import InputError; import qabwnas; assert InputError is qabwnas.InputError",
    "import importlib, qabwnas; assert importlib.reload(qabwnas.search)(lut).status == 'optimal'",
]
SETUP = "from qabwnas.lut.lut import Lut; lut = Lut.from_csv('lut.csv')"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lut.csv").write_text("block,candidate,loss,size_bytes,latency_ms\na,0,1,9,3\na,1,2,5,4\n")
    return tmp_path


def run(code: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{code}\n{done.stderr}"
    return done.stdout


def in_namespaces(forms: list[str]) -> str:
    """Return code that runs each form in a namespace of its own, in one process."""
    return f"{SETUP}\nfor form in {forms!r}: exec(form, {{'lut': lut}})"


@pytest.mark.parametrize("forms", [FORMS, FORMS[::-1]], ids=["forwards", "backwards"])
def test_every_form_of_import_works_after_every_other(forms: list[str], folder: Path) -> None:
    run(in_namespaces(forms), folder)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_works_first(form: str, folder: Path) -> None:
    read = "lut = __import__('qabwnas.lut.lut', fromlist=['Lut']).Lut.from_csv('lut.csv')"
    imports, _, rest = form.partition("; ")
    run("\n".join([imports, read, *rest.split("; ")]), folder)


def test_the_list_of_names_is_what_completion_offers() -> None:
    for module in (qabwnas, qabwnas.search):
        assert dir(module) == sorted(module.__all__)
        assert len(set(module.__all__)) == len(module.__all__)
        assert all(getattr(module, name) is not None for name in module.__all__)
        with pytest.raises(AttributeError, match=rf"module '{module.__name__}' has no attribute 'Problem'"):
            module.Problem  # noqa: B018
    assert set(qabwnas.search.__all__) <= set(qabwnas.__all__)


def test_every_error_and_warning_is_public() -> None:
    kinds = {kind for name, kind in vars(sys.modules["qabwnas.errors"]).items() if inspect.isclass(kind)}
    assert kinds <= {getattr(qabwnas, name) for name in qabwnas.__all__}


@pytest.mark.parametrize("module", ["qabwnas", "qabwnas.search"])
def test_type_checkers_see_the_same_names(module: str) -> None:
    source = ROOT.joinpath(*module.split("."), "__init__.py").read_text(encoding="utf-8")
    [block] = [node for node in ast.parse(source).body if isinstance(node, ast.If)]
    declared = {alias.asname for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    declared |= {name.id for node in block.body if isinstance(node, ast.Assign) for name in node.targets}
    assert {name for name in declared if not name.startswith("_")} == set(sys.modules[module].__all__)


def test_importing_loads_nothing_heavy() -> None:
    loaded = run("import qabwnas, sys; print(*sys.modules)", ROOT).split()
    assert not {"numpy", "torch", "numba", "h5py", "yaml", "click"} & set(loaded)


@pytest.mark.parametrize("name", ["qabwnas.search", "qabwnas.search.explain"])
def test_callable_modules_act_like_functions(name: str) -> None:
    module = import_module(name)
    function = getattr(module, name.rpartition(".")[2])
    assert callable(module)
    assert module.__qualname__ == function.__qualname__
    assert inspect.signature(module) == inspect.signature(function)
    assert "lut" in inspect.signature(module).parameters
    for again in (copy.copy(module), copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert again is module
    with pytest.raises(TypeError, match="budget"):
        module(lut_from_columns({"loss": [[1.0]]}), budget={})


def test_help_shows_the_function() -> None:
    text = run("import qabwnas; help(qabwnas.search)", ROOT)
    assert "Find the ``top`` subnets with the smallest total" in text
    assert "min_distance" in text


USER = """
import torch

import qabwnas
import qabwnas.search.explain as ex
import qabwnas.search.session
import qabwnas.search.session as sessions
from qabwnas import Frontier, InputError, Lut, Scope, explain, search
from qabwnas.search import explain as explain_too
from qabwnas.search import search as search_too
from qabwnas.search.explain import explain as explain_three
from qabwnas.search.session import Session


def best(lut: Lut) -> qabwnas.Answer | None:
    results: list[qabwnas.SearchResult] = [
        qabwnas.search(lut, minimize="loss", budgets={"size_bytes": 1e6}, scope=Scope(bits=[8])),
        search(lut, top=2),
        search_too(lut, min_distance=2),
        qabwnas.search.search(lut),
        qabwnas.search.session.Session(lut).search(),
        sessions.Session(lut).search(),
        Session(lut).search(),
    ]
    front: Frontier = qabwnas.Frontier.build(lut, ["loss", "size_bytes"])
    reasons: list[ex.Explanation] = [explain(lut), explain_too(lut), explain_three(lut), ex.explain(lut)]
    effect: qabwnas.BudgetEffect | None = reasons[0].effects[0] if reasons[0].effects else None
    print(len(front), effect)
    return results[0].answers[0] if results[0].answers else None


def logits(images: torch.Tensor) -> torch.Tensor:
    network: torch.nn.Module = qabwnas.load_network("RUN", {"b1": 3, "b2": 0}, quantised=False, device="cuda")
    result: torch.Tensor = network(images)
    return result


try:
    best(qabwnas.Lut.open("LUT.h5"))
except (InputError, qabwnas.FormatError) as error:
    print(error)
"""


# Silent in the package itself, as if it were installed. It takes long to read torch, and no public name needs it.
MYPY = """
[mypy]
strict = true
follow_imports = silent
[mypy-torch.*]
follow_imports = skip
"""


def test_a_type_checker_accepts_what_users_write_and_no_wrong_option(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="mypy is not installed")
    (tmp_path / "user.py").write_text(USER)
    (tmp_path / "wrong.py").write_text("import qabwnas\nqabwnas.search(qabwnas.Lut.open('a'), distance=2)\n")
    (tmp_path / "mypy.ini").write_text(MYPY)
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), "user.py", "wrong.py"]
    environment = os.environ | {"MYPYPATH": str(ROOT)}
    checked = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    first, *others = checked.stdout.splitlines()
    assert first.startswith('wrong.py:2: error: Unexpected keyword argument "distance"')
    assert others == ["Found 1 error in 1 file (checked 2 source files)"]


def test_the_examples_of_the_readme_run(folder: Path) -> None:
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    assert examples
    (folder / "TABLE.csv").write_text((folder / "lut.csv").read_text())
    qabwnas.Lut.from_csv(folder / "TABLE.csv").save(folder / "LUT.h5")
    for example in examples:
        run(example, folder)
