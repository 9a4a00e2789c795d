"""The exceptions of the package, all below ``StreamselError``.

    StreamselError
    ├── PassingError            what is in the way may pass by itself; exits 75
    ├── ConfigurationError      what the user asked for cannot be; exits 2
    │   ├── FolderInUseError    the output folder holds another run
    │   │   └── FolderLockedError   another process writes into it (passing)
    │   └── PortInUseError      another process listens there (passing)
    ├── SourceError             a feed cannot be opened, or ended badly
    │   ├── RefusedError        a user name or a password is not taken
    │   ├── UnreadableError     nothing in it can be decoded as video
    │   └── InputError          what was given as an input cannot be one
    ├── OfferError              what a sender offers over WebRTC cannot be answered
    │   └── UnsupportedError    its video is in a codec that is not taken
    ├── BusyError               no more senders are taken now
    ├── EmbedderError           a network cannot be loaded or run
    ├── SinkError               a kept frame cannot be stored
    │   ├── DiskFullError       the disk is full; the index is intact
    │   └── DiskGoneError       the disk is not mounted any more
    ├── DiskChangedError        another disk is mounted in place of the one opened (passing)
    └── RecordError             a run's folder cannot be read or continued
        └── DamagedRecordError  its database is damaged; exits 2

Messages say where, what, and what to do; credentials never enter one.
"""


class StreamselError(Exception):
    """Base of every deliberate error."""


class PassingError(StreamselError):
    """What is in the way may pass by itself. The command line exits 75, as EX_TEMPFAIL says."""


class ConfigurationError(StreamselError):
    """What the user asked for cannot be. The command line exits 2 without a traceback."""


class FolderInUseError(ConfigurationError):
    """The output folder holds another run, or files that are not ours."""


class FolderLockedError(FolderInUseError, PassingError):
    """Another process writes into the output folder; it may be just ending."""


class PortInUseError(ConfigurationError, PassingError):
    """Another process listens where the service should; it may be just ending."""


class SourceError(StreamselError):
    """A feed cannot be opened, or its session ended badly."""


class RefusedError(SourceError):
    """A feed is not opened to this user name and password: asking again soon may lock it."""


class UnreadableError(SourceError):
    """The input holds nothing that can be decoded as video."""


class InputError(SourceError):
    """What was given as an input cannot be one; ``given`` is that, credentials masked."""

    def __init__(self, given: str, message: str) -> None:
        super().__init__(message)
        self.given = given


class OfferError(StreamselError):
    """What a sender offers over WebRTC is no offer of video that can be answered."""


class UnsupportedError(OfferError):
    """The video that a sender offers is in a codec that is not taken."""


class BusyError(StreamselError):
    """No more senders are taken now; one may be later."""


class EmbedderError(StreamselError):
    """An embedding network cannot be loaded or run."""


class SinkError(StreamselError):
    """A kept frame cannot be stored."""


class DiskFullError(SinkError):
    """The disk is full. What was recorded before is intact, and the run can be resumed."""


class DiskGoneError(SinkError):
    """The disk is not mounted any more, or its folder was moved; it may come back."""


class DiskChangedError(PassingError):
    """Another disk is mounted in place of the one that was opened: only a new start reads it."""


class RecordError(StreamselError):
    """A run's folder cannot be read, or cannot be continued."""


class DamagedRecordError(RecordError):
    """The database of a run is damaged: no retry mends it. The command line exits 2."""
