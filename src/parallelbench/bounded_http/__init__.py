"""HTTP requests that are limited in wall-clock time and in bytes, as a whole.

The timeout of an HTTP library restarts at every read, so it never fires on a server that keeps sending something: comments that
keep the connection open, single bytes, endless headers. Here every read and write on the socket is charged to the `Budget` of
its request, below the HTTP library, and what a compressed reply unpacks to is charged as well.
"""

from parallelbench.bounded_http.budget import MIB, HttpFault
from parallelbench.bounded_http.client import BoundedClient, Exchange
from parallelbench.bounded_http.documents import join, read_json

__all__ = ["MIB", "BoundedClient", "Exchange", "HttpFault", "join", "read_json"]
