"""Stored pictures of evicted frames that may be recalled."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from streamsel.frame import FrameKey
from streamsel.record.values import StoredPicture


class Standby:
    """Knows the files that are set aside: where they lie, whose they are, how large.

    They stay where they were, and nothing on the disk tells of them: after a restart no frame can
    be recalled, and what no record claims is swept. At most one for each frame that is kept.
    """

    def __init__(self) -> None:
        self._pictures: dict[str, dict[FrameKey, StoredPicture]] = {}

    @property
    def stored_bytes(self) -> int:
        """The size of all of them."""
        return sum(picture.bytes for some in self._pictures.values() for picture in some.values())

    def get(self, key: FrameKey) -> StoredPicture | None:
        """The picture of a frame, None where none is set aside."""
        return next((some[key] for some in self._pictures.values() if key in some), None)

    def paths(self) -> set[str]:
        """Where they lie, relative to the run's folder."""
        return {picture.path for some in self._pictures.values() for picture in some.values()}

    def add(self, scope: str, picture: StoredPicture) -> None:
        """Set the picture of a frame of this scope aside."""
        self._pictures.setdefault(scope, {})[picture.key] = picture

    def take(self, keys: Collection[FrameKey]) -> None:
        """Forget those of these frames: they are kept again."""
        for some in self._pictures.values():
            for key in some.keys() & set(keys):
                del some[key]

    def keep_only(self, recallable: Mapping[str, Collection[FrameKey]]) -> list[str]:
        """Forget those that cannot be recalled, of these scopes; return the paths."""
        freed = []
        for scope, keys in recallable.items():
            some = self._pictures.pop(scope, {})
            freed += [picture.path for key, picture in some.items() if key not in keys]
            left = {key: picture for key, picture in some.items() if key in keys}
            if left:
                self._pictures[scope] = left
        return freed

    def give_up(self, but: Collection[FrameKey]) -> list[str]:
        """Forget all but those of these frames, for their room is needed; return the paths."""
        return self.keep_only(dict.fromkeys(list(self._pictures), but))
