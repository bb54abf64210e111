"""Classes of users by dotted path, and one line for what is wrong with them."""

from __future__ import annotations

from abc import ABC, abstractmethod

import pytest

from qabwnas.errors import InputError
from qabwnas.io.user_code import call, load_class, load_object


class Base(ABC):
    @abstractmethod
    def costs(self) -> int: ...

    @abstractmethod
    def build(self) -> int: ...


class Whole(Base):
    def costs(self) -> int:
        return 1

    def build(self) -> int:
        raise ArithmeticError("no\nluck")


class Part(Base):
    pass


HERE = __name__


def test_a_class_is_found_and_called() -> None:
    found = load_class(f"{HERE}.Whole", Base)
    assert call("costs", found().costs) == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Part", f"{HERE}.Part: the class has no method build, costs (Base says what it does)"),
        ("HERE", f"{HERE}.HERE: is str, not a class derived from {HERE}.Base"),
        ("InputError", f"{HERE}.InputError: is the class InputError, not a class derived from {HERE}.Base"),
    ],
)
def test_what_is_no_such_class_is_named(name: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        load_class(f"{HERE}.{name}", Base)
    assert str(caught.value) == message


def test_an_object_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(InputError, match=r"has no 'Hole'; it has .*Whole, Part"):
        load_object(f"{HERE}.Hole")


def test_errors_of_user_code_are_one_line_with_its_place() -> None:
    with pytest.raises(InputError, match=r"^build: raised ArithmeticError: no luck \(.*test_user_code.py, line \d+\)$"):
        call("build", Whole().build)
    with pytest.raises(InputError, match="^costs: not a function that can be called with the given settings: too many"):
        call("costs", Whole().costs, 1)
