"""The Numba fallback mirrors the core by name: each file of ``csrc`` and each function that its headers declare.

So a change in one shows where the other has to change. What the fallback lacks is listed with its reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE, FALLBACK = ROOT / "csrc", ROOT / "qabwnas" / "search" / "numba"
FOLDERS = ("core", "pareto", "front", "solve", "query", "numeric", "baselines")

FILES_OF_THE_CORE_ALONE = {
    "core/dispatch": "Numba compiles for the processor that it runs on",
    "core/memory": "the fallback estimates its memory before it takes it",
    "core/threads": "the fallback has one thread",
    "core/tuning": "the sizes are constants of the files that use them",
}

FUNCTIONS_OF_THE_CORE_ALONE = {
    "core/cancel": {"requested": "a cancelled kernel raises an exception, in give_turn"},
    "core/problem": {
        "column": "a row of an array",
        "at": "an item of an array",
        "n_metrics": "the size of an array",
        "n_blocks": "the size of an array",
        "is_budgeted_sum": "a comparison of arrays",
        "n_budgeted_sums": "a comparison of arrays",
        "above": "a difference of unsigned integers",
    },
    "pareto/cell_table": {
        "n_axes": "an argument",
        "side": "an argument",
        "stride": "entry_of adds up strides",
        "data": "the table is an array",
        "close_above": "for speed: upper bounds are tested for each pair",
        "lower": "for speed: tables hold a sample, and do not learn from what is kept",
    },
    "pareto/dominance_index": {"with_dominance_index": "a template; staircase_for and grid_for make the indexes"},
    "pareto/prune": {
        "size": "the size of an array",
        "first_tested": "an argument of sweep",
        "n_tested": "the size of an array",
        "position": "an index into an array",
        "tested_box": "the minimum and maximum of arrays",
        "sort_rows": "numpy.sort",
    },
    "front/back_pointers": {
        "candidates": "a row of an array",
        "look": "for speed: candidates of points that tie are written and sorted",
        "look_back": "for speed: candidates of points that tie are written and sorted",
        "x_precedes": "for speed: candidates of points that tie are written and sorted",
    },
    "front/combine": {
        "n_found": "a front that ends at a limit has no points",
        "take_values": "the attribute totals",
        "take_levels": "the attribute levels",
    },
    "front/pair_table": {
        "close_above": "for speed: upper bounds are tested for each pair",
        "learn": "for speed: the table holds a sample, and does not learn from what is kept",
        "lists": "an argument",
        "longer": "an argument",
        "pair_of": "pairs have numbers",
        "box": "part of table_of_sample",
    },
    "front/slabs": {"runs": "arguments of advance", "least": "a result of advance"},
    "solve/answers": {"all": "in_order", "k": "the size of an array"},
    "solve/dp_bounds": dict.fromkeys(("budget", "cost"), "an item of an array of DpBounds"),
    "solve/lagrangian": {
        "gap_of": "for speed: one subnet is searched among all pruned rows",
        "least_cost_rows": "for speed: rows are pruned before multipliers are computed, not sampled",
    },
    "solve/lp_node": dict.fromkeys(("relaxation", "rows", "start"), "an argument"),
    "solve/lp_relaxation": {
        "basis": "the arrays keys and others",
        "n_blocks": "the size of an array",
        "n_rows": "the size of an array",
    },
    "solve/lp_rows": {
        "n_blocks": "the size of an array",
        "n_key_metrics": "the size of an array",
        "n_rows": "the size of an array",
        "objective_per_key": "the inverse of the first of the array factors",
        "relaxation": "lp_relaxation of the arrays objectives and costs",
        "slack": "an item of the array slacks",
    },
    "solve/tree_search": {"open_bound": "searches yield it"},
    "query/first_fit": {"n_minima": "the size of an array"},
}


def sources(folder: str) -> list[str]:
    """Return the files of a folder of the core, without their suffixes."""
    return sorted({f"{folder}/{path.stem}" for path in (CORE / folder).iterdir() if path.suffix in (".hpp", ".cpp")})


SOURCES = [name for folder in FOLDERS for name in sources(folder)]
MIRRORED = [name for name in SOURCES if name not in FILES_OF_THE_CORE_ALONE]


def declarations(source: str) -> Iterator[tuple[str, bool]]:
    """Give the text of each declaration of a namespace or class in a header, and whether all may use it.

    Bodies of functions are left out, and so are comments and preprocessor lines.
    """
    source = re.sub(r"//[^\n]*|^\s*#([^\n]*\\\n)*[^\n]*", "", source, flags=re.MULTILINE)
    scopes: list[bool | None] = [True]  # whether what is declared there is public; None: the body of a function
    text, n_parentheses = "", 0
    for character in source:
        n_parentheses += {"(": 1, ")": -1}.get(character, 0)
        if n_parentheses > 0 or character not in ";{}:":
            text += character
        elif character == ":":
            access = text.strip()
            if access in ("public", "private", "protected"):
                scopes[-1] = access == "public"
                text = ""
            else:
                text += character
        else:
            text = re.sub(r"^\s*template\s*<[^>]*>", "", text).strip()
            is_class = re.match(r"(class|struct)\s", text)
            if scopes[-1] is not None and not is_class:
                yield text, scopes[-1]
            if character == "{" and scopes[-1] is None:
                scopes.append(None)
            elif character == "{" and (is_class or text.startswith("namespace")):
                scopes.append(bool(scopes[-1]) and not text.startswith("class"))
            elif character == "{":
                scopes.append(None)
            elif character == "}":
                scopes.pop()
            text = ""


def declared(source: str) -> set[str]:
    """Return the names of the public functions and methods of a header, without constructors and operators."""
    names = set()
    no_function = r"(explicit\s+|virtual\s+)?~?[A-Z]\w*\s*\(|using\s|static_assert|.*\boperator\b"
    for text, is_public in declarations(source):
        if not is_public or re.match(no_function, text):
            continue
        name = re.search(r"(\w+)\s*\(", text.split("=")[0])
        if name:
            names.add(name[1])
    return names


def defined(source: str) -> set[str]:
    """Return the names of all functions, methods, fields of classes and attributes that a Python file defines."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.attr)
        elif isinstance(node, ast.ClassDef):
            fields = (part.target for part in node.body if isinstance(part, ast.AnnAssign))
            names |= {field.id for field in fields if isinstance(field, ast.Name)}
    return names


def lacking(name: str) -> set[str]:
    """Return the functions that a header declares and its counterpart does not define."""
    header, counterpart = CORE / f"{name}.hpp", FALLBACK / f"{name}.py"
    return declared(header.read_text(encoding="utf-8")) - defined(counterpart.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", MIRRORED)
def test_every_file_has_a_counterpart(name: str) -> None:
    assert (CORE / f"{name}.hpp").is_file()
    assert (FALLBACK / f"{name}.py").is_file()


@pytest.mark.parametrize("name", MIRRORED)
def test_every_function_has_a_counterpart(name: str) -> None:
    assert sorted(lacking(name)) == sorted(FUNCTIONS_OF_THE_CORE_ALONE.get(name, {}))


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_counterpart_has_an_original(folder: str) -> None:
    counterparts = {f"{folder}/{path.stem}" for path in (FALLBACK / folder).glob("*.py")} - {f"{folder}/__init__"}
    assert sorted(counterparts - set(SOURCES)) == []


def test_every_file_of_the_core_alone_is_there_and_has_no_counterpart() -> None:
    assert [name for name in FILES_OF_THE_CORE_ALONE if name.split("/")[0] in FOLDERS and name not in SOURCES] == []
    assert [name for name in FILES_OF_THE_CORE_ALONE if (FALLBACK / f"{name}.py").exists()] == []


HEADER = """
// inline int commented(int x);
#define MACRO(x) \\
    ignored(x)
namespace qabwnas {
using Ask = std::function<bool(int)>;
constexpr int most = limit(3);
template <class T>
T free_one(const T& x = {});
inline int with_body(int x) { return called(x); }
class Hidden {
  public:
    explicit Hidden(std::function<bool()> ask) : ask_(ask) {}
    virtual ~Hidden() = default;
    bool shown() const { if (inner()) { return true; } return false; }
    bool operator==(const Hidden&) const = default;

  private:
    struct Nested { void secret(); };
    int secret_too() const;
    std::vector<int> values_{make()};
};
struct Open : public Base {
    void method();
};
}
"""


def test_public_functions_are_found_in_headers() -> None:
    assert declared(HEADER) == {"free_one", "with_body", "shown", "method"}
