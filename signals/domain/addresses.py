"""Tell public addresses from those that only this machine or its neighbours can reach (RELIABILITY 0.11)."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NOT_PUBLIC: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "224.0.0.0/3",
        "::/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/32",
        "2002::/16",
        "fec0::/10",
        "ff00::/8",
    )
)
"""What Python calls global and is not, or leads into IPv4: carrier NAT, NAT64, 6to4, Teredo, site-local, multicast."""


def is_reachable(address: Address, *, allowed: Sequence[Network] = ()) -> bool:
    """Tell whether an address may be asked: a public one, or one in a network that the operator allows."""
    plain = address.ipv4_mapped if isinstance(address, IPv6Address) and address.ipv4_mapped else address
    if _is_in(plain, allowed):
        return True
    return plain.is_global and not plain.is_multicast and not _is_in(plain, NOT_PUBLIC)


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    """Tell whether an address lies in one of the networks."""
    return any(address.version == network.version and address in network for network in networks)
