"""What can go wrong, in a few kinds that a caller may want to tell apart.

Every message is one line that names what is wrong and where: file, block, metric, row.
"""


class QabwnasError(Exception):
    """Base of every error that qabwnas raises on purpose."""


class InputError(QabwnasError, ValueError):
    """A value, a file or an option that a user gave cannot be used."""


class MultipleInputError(InputError):
    """Several faults of one input: one argument, and one line of the message, for each."""

    def __str__(self) -> str:
        return "\n".join(self.args)


class FrontLimitError(InputError):
    """A front needs more memory than it may take; the message says how far it came."""


class FormatError(QabwnasError):
    """A file is not what its reader expects: foreign, truncated, of a newer schema, of a wrong shape."""


class StaleError(QabwnasError):
    """Stored work belongs to another teacher, supernet, calibration set or setting, and may not be continued."""


class BusyError(QabwnasError):
    """Another process works in the run folder; the message says which."""


class MismatchError(QabwnasError):
    """An exported model does not answer, or does not weigh, what was simulated and predicted."""


class QabwnasWarning(UserWarning):
    """Something that a user should know and that is no error; commands print it as one line."""


class RoundingWarning(QabwnasWarning):
    """A number has more digits than can be held, and is rounded; the message says where, and how many are held."""


class BackendError(QabwnasError, ImportError):
    """The search backend that was asked for cannot be loaded."""
