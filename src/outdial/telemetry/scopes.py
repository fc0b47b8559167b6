"""Which names may stand in labels: the catalogue's connections, and the busiest campaigns; the rest is `_other`.

A label value is a series for ever, so names are let in by count. A campaign that has nothing to dial makes room for one
that has; what was counted for it under its own name is gone then, as after a restart, and what comes later counts as
`_other`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

OTHER = "_other"
"""What stands for all names that have no series of their own. No campaign or tenant can be named so."""
UNKNOWN = "_unknown"
"""The connection or provider of something that belongs to none of ours."""


class Scopes:
    """The names of one replica. `most_campaigns`: how many have series of their own at once."""

    def __init__(self, most_campaigns: int, forget: Callable[[str], None]) -> None:
        """`forget` is called with each campaign that loses its series."""
        self._most_campaigns, self._forget = most_campaigns, forget
        self._providers: Mapping[str, str] = {}
        self._campaigns: dict[str, None] = {}

    def know(self, connections: Mapping[str, str], campaigns: Iterable[str]) -> None:
        """The catalogue's connections with their providers, and its campaigns; what is gone from it is let go."""
        self._providers = dict(connections)
        for gone in self._campaigns.keys() - set(campaigns):
            self._drop(gone)

    def provider(self, connection: str) -> str:
        """The provider of a connection."""
        return self._providers.get(connection, UNKNOWN)

    def connection(self, connection: str | None) -> str:
        """The connection's label; a name that is not in the catalogue is never one."""
        return connection if connection is not None and connection in self._providers else UNKNOWN

    def campaign(self, campaign: str) -> str:
        """The campaign's label. First come, first served while there is room."""
        if campaign not in self._campaigns:
            if len(self._campaigns) >= self._most_campaigns:
                return OTHER
            self._campaigns[campaign] = None
        return campaign

    def campaigns(self) -> Sequence[str]:
        """Those with series of their own."""
        return tuple(self._campaigns)

    def admit(self, active: Sequence[str]) -> None:
        """Campaigns with calls or waiting attempts, the busiest first: the idle ones give way to them."""
        wanted = set(active[: self._most_campaigns])
        idle = [name for name in self._campaigns if name not in wanted]
        for name in active[: self._most_campaigns]:
            if name not in self._campaigns and len(self._campaigns) >= self._most_campaigns:
                self._drop(idle.pop(0))
            self._campaigns.setdefault(name)

    def _drop(self, campaign: str) -> None:
        del self._campaigns[campaign]
        self._forget(campaign)
