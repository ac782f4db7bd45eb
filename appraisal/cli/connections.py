"""Connections: those that wait for nothing make room for whoever asks something."""

from collections import Counter
from typing import Any, Final

from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer

# So many connections at most may be open without a whole request.
MOST_WAITING: Final = 100
# So many are open in all, those included that are being answered.
MOST: Final = 400


class Connection(HTTPChannel):
    """A connection that makes room for itself: where too many wait, one is closed before.

    That is the oldest of the address that has most of them. A visitor who opens hundreds and says nothing,
    or one byte now and then, closes their own; whoever sends a request at once is answered.
    """

    def __init__(self, server: Any, *given: Any, **named: Any) -> None:
        """Open it, once there is room."""
        waiting = [entry for entry in server.active_channels.values() if _waits(entry)]
        if len(waiting) >= MOST_WAITING:
            counts = Counter(entry.addr[0] for entry in waiting)
            oldest = min(waiting, key=lambda entry: (-counts[entry.addr[0]], entry.creation_time))
            # Closed in the next round of the loop, as it closes those that were silent for too long.
            oldest.will_close = True
        super().__init__(server, *given, **named)


def _waits(channel: HTTPChannel) -> bool:
    """Tell whether a connection has no whole request, and nothing left to be sent."""
    return not (channel.requests or channel.total_outbufs_len or channel.will_close)


def keep_open(server: Any) -> None:
    """Have a server, and each that listens for it, make room for whoever asks something."""
    listening = getattr(server, "map", None) or {0: server}
    for entry in listening.values():
        if isinstance(entry, BaseWSGIServer):
            entry.channel_class = Connection
