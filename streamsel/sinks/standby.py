"""Stored pictures of evicted frames that may be recalled."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from streamsel.frame import FrameKey
from streamsel.record.values import StoredPicture


class Standby:
    """An index of retained picture files: path, scope, size.

    The files keep their paths, and nothing on disk marks them: after a restart no frame can be
    recalled, and unclaimed files are deleted. At most one per kept frame.
    """

    def __init__(self) -> None:
        self._pictures: dict[str, dict[FrameKey, StoredPicture]] = {}

    @property
    def stored_bytes(self) -> int:
        """Total size in bytes."""
        return sum(picture.bytes for some in self._pictures.values() for picture in some.values())

    def get(self, key: FrameKey) -> StoredPicture | None:
        """Return the retained picture of a frame, or None."""
        return next((some[key] for some in self._pictures.values() if key in some), None)

    def paths(self) -> set[str]:
        """The paths of the files, relative to the run's folder."""
        return {picture.path for some in self._pictures.values() for picture in some.values()}

    def add(self, scope: str, picture: StoredPicture) -> None:
        """Retain the picture of a frame of this scope."""
        self._pictures.setdefault(scope, {})[picture.key] = picture

    def take(self, keys: Collection[FrameKey]) -> None:
        """Remove these frames from the index: they are kept again."""
        for some in self._pictures.values():
            for key in some.keys() & set(keys):
                del some[key]

    def keep_only(self, recallable: Mapping[str, Collection[FrameKey]]) -> list[str]:
        """Remove frames of these scopes that cannot be recalled; return their paths."""
        freed = []
        for scope, keys in recallable.items():
            some = self._pictures.pop(scope, {})
            freed += [picture.path for key, picture in some.items() if key not in keys]
            left = {key: picture for key, picture in some.items() if key in keys}
            if left:
                self._pictures[scope] = left
        return freed

    def give_up(self, but: Collection[FrameKey]) -> list[str]:
        """Remove all frames except these, to free space; return their paths."""
        return self.keep_only(dict.fromkeys(list(self._pictures), but))
