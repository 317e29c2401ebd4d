"""The hosts that the manifest declares: the only ones a probe talks to.

It refuses every other scheme, host or port, so that neither a typing error nor an answer with a
foreign address makes the run talk to somebody nobody reviewed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from pytest_metarelease.errors import ForbiddenError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_metarelease.manifest.model import Environment

Origin: TypeAlias = tuple[str, str, int]

_PORTS = {"http": 80, "https": 443}


def origin_of(url: str) -> Origin:
    """Return scheme, host and port of ``url`` (RFC 6454), in lower case, the port always stated.

    Raises:
        ForbiddenError: It is no absolute ``http`` or ``https`` URL.
    """
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
    except ValueError as error:
        raise ForbiddenError(f"not a URL that can be asked: {error}") from None
    if scheme not in _PORTS or not host:
        raise ForbiddenError(f"only http and https are asked, not {scheme or 'nothing'}://")
    return scheme, host.lower(), port or _PORTS[scheme]


@dataclass(frozen=True, slots=True)
class Hosts:
    """The origins that may be asked."""

    origins: frozenset[Origin]

    @classmethod
    def of(cls, environment: Environment) -> Hosts:
        """Return the declared origins: services, own and external, metrics, nodes, explorer."""
        urls = [service.url for service in environment.services.values()]
        urls += [external.url for external in environment.external.values()]
        urls += [server.url for server in environment.prometheus.values()]
        urls += [environment.explorer.url] if environment.explorer is not None else []
        if environment.chain is not None:
            second = environment.chain.second_rpc
            urls += [environment.chain.rpc, *([second] if second else [])]
        return cls.these(urls)

    @classmethod
    def these(cls, urls: Iterable[str]) -> Hosts:
        """Return the origins of ``urls``."""
        return cls(frozenset(map(origin_of, urls)))

    def check(self, url: str) -> None:
        """Do nothing if ``url`` is at a declared origin.

        Raises:
            ForbiddenError: It is not; nothing was sent.
        """
        scheme, host, port = origin_of(url)
        if (scheme, host, port) not in self.origins:
            known = ", ".join(sorted(f"{one[0]}://{one[1]}:{one[2]}" for one in self.origins))
            raise ForbiddenError(
                f"{scheme}://{host}:{port} is not declared in the manifest, so it is not asked; "
                f"declared are {known or 'none'}"
            )
