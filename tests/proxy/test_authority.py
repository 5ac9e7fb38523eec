"""The proxy's authority: whose key it is, how long it lasts, and what it can certify."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from huidu.proxy.authority import Authority, Exposed, now

HOST = "scf.tencentcloudapi.com"


def believed(authority: Authority, served: str, asked: str) -> None:
    """Shake hands in memory as a client that believes the authority; raise what it would."""
    client = ssl.create_default_context(cafile=str(authority.file))
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(back, there, server_hostname=asked)
    theirs = authority.context(served).wrap_bio(there, back, server_side=True)
    for _ in range(4):
        for side in (ours, theirs):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert ours.version() in {"TLSv1.2", "TLSv1.3"}


def test_a_host_of_the_cloud_is_believed_by_its_name_and_by_no_other(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "home", now)
    bucket = f"{'b' * 50}-1250000000.cos.ap-guangzhou.myqcloud.com"  # too long for a subject

    believed(authority, HOST, HOST)
    believed(authority, bucket, bucket)
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        believed(authority, HOST, "sls.tencentcloudapi.com")


def test_whoever_steals_the_key_can_pose_as_no_other_site(tmp_path: Path) -> None:
    authority = Authority(tmp_path, now)

    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        believed(authority, "example.com", "example.com")


def test_the_key_is_nobody_elses_and_stays_the_same(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = Authority(home, now).file.read_bytes()

    assert (home / "ca.key").stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700
    assert sorted(file.name for file in home.iterdir()) == ["ca.key", "ca.pem"]
    assert Authority(home, now).file.read_bytes() == first
    (home / "ca.key").chmod(0o640)
    with pytest.raises(Exposed, match="can be read by others; remove it"):
        Authority(home, now)


@pytest.mark.parametrize("text", ["", "nonsense", "-----BEGIN PRIVATE KEY-----\nAA\n"])
def test_a_damaged_key_is_told_and_not_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / "ca.key").write_text(text)
    (tmp_path / "ca.key").chmod(0o600)

    with pytest.raises(Exposed, match="is damaged; remove it"):
        Authority(tmp_path, now)


def test_an_authority_is_made_anew_before_it_ends(tmp_path: Path) -> None:
    first = Authority(tmp_path, now).file.read_bytes()
    later = datetime.now(UTC) + timedelta(days=340)
    second = Authority(tmp_path, lambda: later).file.read_bytes()

    assert first != second
    end = x509.load_pem_x509_certificate(second).not_valid_after_utc
    assert end - later == timedelta(days=365) - timedelta(microseconds=later.microsecond)


def test_certificates_of_hosts_are_made_anew_while_they_are_good(tmp_path: Path) -> None:
    moment = [now()]
    authority = Authority(tmp_path, lambda: moment[0])
    first = authority.context(HOST)

    assert authority.context(HOST) is first
    moment[0] += timedelta(days=1, minutes=1)
    assert authority.context(HOST) is not first
    for number in range(130):
        authority.context(f"a{number}.tencentcloudapi.com")
    assert len(authority._contexts) == 128
