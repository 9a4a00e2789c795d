"""The exceptions of the package, all below ``StreamselError``.

    StreamselError
    ├── PassingError            a temporary obstacle; exits 75
    ├── ConfigurationError      invalid options or arguments; exits 2
    │   ├── FolderInUseError    the output folder holds another run
    │   │   └── FolderLockedError   another process writes to it (passing)
    │   └── PortInUseError      another process listens there (passing)
    ├── SourceError             a feed cannot be opened, or ended with an error
    │   ├── RefusedError        the camera rejected the user name or password
    │   ├── UnreadableError     the input contains no decodable video
    │   └── InputError          the given input is not usable as one
    ├── OfferError              a WebRTC offer cannot be answered
    │   └── UnsupportedError    its video codec is not supported
    ├── BusyError               the maximum number of senders is connected
    ├── EmbedderError           a network cannot be loaded or run
    ├── SinkError               a kept frame cannot be stored
    │   ├── DiskFullError       the disk is full; the record is intact
    │   └── DiskGoneError       the disk is no longer mounted
    ├── DiskChangedError        another disk is mounted in its place (passing)
    └── RecordError             a run's folder cannot be read or continued
        └── DamagedRecordError  its database is damaged; exits 2

Messages say where, what, and what to do; they never contain credentials.
"""


class StreamselError(Exception):
    """Base of all exceptions that the package raises deliberately."""


class PassingError(StreamselError):
    """A temporary obstacle; retrying may help. The command line exits 75, as EX_TEMPFAIL."""


class ConfigurationError(StreamselError):
    """Invalid options or arguments. The command line exits 2 without a traceback."""


class FolderInUseError(ConfigurationError):
    """The output folder holds another run, or foreign files."""


class FolderLockedError(FolderInUseError, PassingError):
    """Another process writes to the output folder; it may be about to end."""


class PortInUseError(ConfigurationError, PassingError):
    """Another process listens on the service's port; it may be about to end."""


class SourceError(StreamselError):
    """A feed cannot be opened, or its session ended with an error."""


class RefusedError(SourceError):
    """The camera rejected the user name or password; frequent retries may lock the account."""


class UnreadableError(SourceError):
    """The input contains no video that can be decoded."""


class InputError(SourceError):
    """The given input cannot be used; ``given`` is the input, credentials masked."""

    def __init__(self, given: str, message: str) -> None:
        super().__init__(message)
        self.given = given


class OfferError(StreamselError):
    """A sender's WebRTC offer is not an offer of video that can be answered."""


class UnsupportedError(OfferError):
    """The video codec that a sender offers is not supported."""


class BusyError(StreamselError):
    """The maximum number of senders is connected; try again later."""


class EmbedderError(StreamselError):
    """A network cannot be loaded or run."""


class SinkError(StreamselError):
    """A kept frame cannot be stored."""


class DiskFullError(SinkError):
    """The disk is full. Everything recorded before is intact, and the run can be resumed."""


class DiskGoneError(SinkError):
    """The disk is no longer mounted, or its folder was moved; it may come back."""


class DiskChangedError(PassingError):
    """Another disk is mounted in place of the opened one; only a restart reads it."""


class RecordError(StreamselError):
    """A run's folder cannot be read or continued."""


class DamagedRecordError(RecordError):
    """The database of a run is damaged; retrying does not help. The command line exits 2."""
