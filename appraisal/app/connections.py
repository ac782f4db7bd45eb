"""The server bounds the connections open without a request, and chooses which to close beyond that."""

from collections import Counter
from typing import Any, Final

from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer

# So many connections at most may be open without a whole request.
MOST_WAITING: Final = 100
# So many are open in all, those included that are being answered.
MOST: Final = 400


class Connection(HTTPChannel):
    """A connection before which another one is closed, where too many are open without a whole request.

    That is the oldest of the address that has most of them. Somebody who opens hundreds and sends nothing, or
    a byte now and then, only loses their own; a visitor who sends a request at once is answered.
    """

    def __init__(self, server: Any, *given: Any, **named: Any) -> None:
        """Open it, and close another one where there are too many."""
        waiting = [entry for entry in server.active_channels.values() if _waits(entry)]
        if len(waiting) >= MOST_WAITING:
            counts = Counter(entry.addr[0] for entry in waiting)
            oldest = min(waiting, key=lambda entry: (-counts[entry.addr[0]], entry.creation_time))
            # Closed in the next round of the loop, as it closes those that were silent for too long.
            oldest.will_close = True
        super().__init__(server, *given, **named)


def _waits(channel: HTTPChannel) -> bool:
    """Tell whether a connection has sent no whole request, and gets no answer at present."""
    return not (channel.requests or channel.total_outbufs_len or channel.will_close)


def limit(server: Any) -> None:
    """Limit the connections without a request of a server, at every address where it listens."""
    listening = getattr(server, "map", None) or {0: server}
    for entry in listening.values():
        if isinstance(entry, BaseWSGIServer):
            entry.channel_class = Connection
