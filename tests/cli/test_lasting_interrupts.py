"""Signals whose exception is dropped on its way: they are repeated, but not while the command is ending."""

from __future__ import annotations

import ctypes
import gc
import signal
import sys
import time
from collections.abc import Callable

import pytest

from qabwnas.cli import interrupts
from qabwnas.cli.interrupts import SIGNALS, lasting_interrupts
from tests.processes import PATIENCE

EXPECTED = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: SystemExit}


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "SECONDS_UNTIL_REPEATED", 0.02)


class Finalized:
    def __init__(self, number: signal.Signals) -> None:
        self.number = number

    def __del__(self) -> None:
        signal.raise_signal(self.number)


def drop_in_finalizer(number: signal.Signals) -> None:
    Finalized(number)


def drop_in_garbage_collection(number: signal.Signals) -> None:
    def collecting(phase: str, info: dict[str, int]) -> None:  # noqa: ARG001 - gc's signature
        gc.callbacks.remove(collecting)
        signal.raise_signal(number)

    gc.callbacks.append(collecting)
    gc.collect()


def drop_in_c(number: signal.Signals) -> None:
    class Object:
        def __getattr__(self, name: str) -> object:
            signal.raise_signal(number)
            raise AssertionError("the signal raises")

    has_attribute = ctypes.pythonapi.PyObject_HasAttrString
    has_attribute.argtypes = [ctypes.py_object, ctypes.c_char_p]
    assert has_attribute(Object(), b"name") == 0


def go_on() -> None:
    begin = time.monotonic()
    while time.monotonic() - begin < PATIENCE:
        time.sleep(0.001)


# Later Pythons report what PyObject_HasAttrString drops.
@pytest.mark.parametrize("drop", [drop_in_finalizer, drop_in_garbage_collection, drop_in_c])
@pytest.mark.parametrize("number", SIGNALS)
def test_a_dropped_exception_is_raised_again(
    number: signal.Signals, drop: Callable[[signal.Signals], None], capfd: pytest.CaptureFixture[str]
) -> None:
    @lasting_interrupts()
    def command() -> None:
        drop(number)
        go_on()

    with pytest.raises(EXPECTED[number]):
        command()
    assert capfd.readouterr().err == ""


def test_the_end_of_a_command_is_not_interrupted() -> None:
    ended = []

    def clean_up() -> None:
        try:
            raise LookupError
        except LookupError:
            time.sleep(0.1)
            ended.append("while another exception is handled")

    @lasting_interrupts()
    def command() -> None:
        try:
            try:
                signal.raise_signal(signal.SIGINT)
            finally:
                time.sleep(0.1)
                clean_up()
                ended.append("in finally")
        except KeyboardInterrupt:
            time.sleep(0.1)
            ended.append("in except")
            raise ValueError("interrupted") from None

    with pytest.raises(ValueError, match="interrupted"):
        command()
    assert ended == ["while another exception is handled", "in finally", "in except"]


def test_handlers_are_restored_and_ignored_signals_stay_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        handlers = [signal.getsignal(each) for each in (*SIGNALS, signal.SIGALRM)]
        hook = sys.unraisablehook
        with lasting_interrupts():
            signal.raise_signal(signal.SIGINT)
        assert [signal.getsignal(each) for each in (*SIGNALS, signal.SIGALRM)] == handlers
        assert sys.unraisablehook is hook
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_second_interrupt_is_raised_too() -> None:
    @lasting_interrupts()
    def command() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            signal.raise_signal(signal.SIGINT)
            pytest.fail("the second signal raises")

    with pytest.raises(KeyboardInterrupt):
        command()
