"""Errors and warnings, in the few kinds that a caller may want to tell apart.

Every message is one line that says what is wrong and where: file, block, metric, row.
"""


class QabwnasError(Exception):
    """Base of all errors that qabwnas raises on purpose."""


class InputError(QabwnasError, ValueError):
    """A value, a file or an option from the user cannot be used."""


class MultipleInputError(InputError):
    """Several faults of one input: one argument, and one line of the message, for each."""

    def __str__(self) -> str:
        return "\n".join(self.args)


class FrontLimitError(InputError):
    """A front needs more memory than it may use, or has too many points; the message says how far it came."""


class FormatError(QabwnasError):
    """A file does not have the expected format: it is of another kind, truncated, of a newer schema, or malformed."""


class StaleError(QabwnasError):
    """Stored work belongs to another teacher, supernet, calibration set or setting, and must not be continued."""


class BusyError(QabwnasError):
    """Another process works in the run folder; the message says which one."""


class MismatchError(QabwnasError):
    """An exported model does not give the simulated answers, or does not have the predicted size."""


class QabwnasWarning(UserWarning):
    """Something that a user should know and that is not an error; commands print it as one line."""


class RoundingWarning(QabwnasWarning):
    """A number has more digits than can be represented, and is rounded; the message says where and to how many."""


class BackendError(QabwnasError, ImportError):
    """The requested search backend cannot be loaded."""
