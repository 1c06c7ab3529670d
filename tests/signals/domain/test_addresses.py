"""Only public addresses are asked, however they are written (RELIABILITY 0.11)."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from signals.domain.addresses import is_reachable

INSIDE = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.0.8", "198.18.0.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "::", "::1",
    "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1",
    "2002:7f00:1::", "2001::1", "fe80::1", "fec0::1", "fc00::1", "fd12::1", "ff02::1", "100::1", "2001:db8::1",
]  # fmt: skip


class TestReachable:
    @pytest.mark.parametrize("text", INSIDE)
    def test_what_is_not_public_is_not_asked(self, text: str) -> None:
        assert not is_reachable(ip_address(text))

    @pytest.mark.parametrize("text", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"])
    def test_what_is_public_is(self, text: str) -> None:
        assert is_reachable(ip_address(text))

    def test_an_operator_can_allow_a_network_and_allows_no_other(self) -> None:
        home = [ip_network("192.168.1.0/24")]
        assert is_reachable(ip_address("192.168.1.7"), allowed=home)
        assert is_reachable(ip_address("::ffff:192.168.1.7"), allowed=home)
        assert not is_reachable(ip_address("192.168.2.7"), allowed=home)
        assert not is_reachable(ip_address("::1"), allowed=home)
