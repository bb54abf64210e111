"""How messages name the options that say what a table is: a function has arguments, a command has options."""

from __future__ import annotations

from dataclasses import dataclass

_OF_COMMANDS = {"columns": "column", "units": "unit"}
_LISTS = frozenset({"ignore", "na"})
_OF_TEXT = frozenset({"delimiter", "decimal", "thousands", "na", "encoding"})


@dataclass(frozen=True)
class OptionNames:
    """The names of the attributes of :class:`~qabwnas.lut.exchange.layout.TableLayout` where a user can give them.

    >>> OptionNames.of_command()("decimal", "thousands"), OptionNames("Lut.from_csv")(("ignore", "note"))
    ('--decimal and --thousands', "ignore=['note'] of Lut.from_csv")

    Attributes:
        owner: the function or command that has the options, if it is another one than the user has called.
        is_python: the options are arguments of a function.
        missing: the options that the function does not have.
    """

    owner: str = ""
    is_python: bool = True
    missing: frozenset[str] = frozenset()

    @classmethod
    def of_command(cls, owner: str = "") -> OptionNames:
        """Return the options of a command."""
        return cls(owner, is_python=False)

    @classmethod
    def without_text(cls, owner: str = "") -> OptionNames:
        """Return the arguments of a function that takes no text, such as ``Lut.from_dataframe``."""
        return cls(owner, missing=_OF_TEXT)

    def __call__(self, *options: str | tuple[str, str], joined: str = "and") -> str:
        """Return options, or options with their values, in words."""
        names = f" {joined} ".join(map(self._name, options))
        return f"{names} of {self.owner}" if self.owner else names

    def about(self, option: str, label: str) -> str:
        """Return the option that says something of a column."""
        return f"{option}: {label!r}" if self.is_python else f"{self._name(option)} {label!r}"

    def _name(self, option: str | tuple[str, str]) -> str:
        name, value = (option, None) if isinstance(option, str) else option
        if not self.is_python:
            name = f"--{_OF_COMMANDS.get(name, name)}"
            return name if value is None else f"{name} {value!r}"
        return f"{name}=" + ("" if value is None else f"[{value!r}]" if name in _LISTS else repr(value))
