"""Certificates of the embedded cluster name the right identities, are kept, and are renewed in time."""

import datetime as dt
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from toolchain.cluster.certificates import IDENTITY_LIFE, RENEW_BEFORE, identities, issue_all
from toolchain.cluster.layout import Layout, read_network
from toolchain.errors import PermanentToolchainError

NOW = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)


@pytest.fixture
def layout(tmp_path):
    return Layout(home=tmp_path / "cluster", run=tmp_path / "run", network=read_network({}))


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_every_identity_is_signed_by_the_authority(layout):
    issue_all(layout, now=NOW)

    authority = load(layout.certificate("ca"))
    for identity in identities(layout):
        load(layout.certificate(identity.name)).verify_directly_issued_by(authority)


def test_kubelet_is_a_node_of_the_group_that_node_authorization_knows(layout):
    issue_all(layout, now=NOW)

    subject = load(layout.certificate("kubelet")).subject
    assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "system:node:cryo-node"
    assert subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "system:nodes"


def test_server_certificate_of_the_api_covers_its_service_and_may_not_act_as_a_client(layout):
    issue_all(layout, now=NOW)

    extensions = load(layout.certificate("apiserver")).extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    usages = set(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    assert "kubernetes.default.svc" in names.get_values_for_type(x509.DNSName)
    assert layout.network.api_service in names.get_values_for_type(x509.IPAddress)
    assert usages == {ExtendedKeyUsageOID.SERVER_AUTH}


def test_second_run_issues_nothing_and_changes_no_file(layout):
    issue_all(layout, now=NOW)
    before = {path: path.read_bytes() for path in layout.pki.iterdir()}

    assert issue_all(layout, now=NOW + dt.timedelta(days=1)) == ()
    assert {path: path.read_bytes() for path in layout.pki.iterdir()} == before


def test_certificate_near_its_end_is_renewed_under_the_same_authority(layout):
    issue_all(layout, now=NOW)
    authority = layout.certificate("ca").read_bytes()
    serial = load(layout.certificate("admin")).serial_number

    issued = issue_all(layout, now=NOW + IDENTITY_LIFE - RENEW_BEFORE)

    assert "admin" in issued
    assert load(layout.certificate("admin")).serial_number != serial
    assert layout.certificate("ca").read_bytes() == authority


def test_private_keys_are_readable_by_their_owner_alone(layout):
    issue_all(layout, now=NOW)

    modes = {path.name: path.stat().st_mode & 0o777 for path in layout.pki.glob("*.key")}
    assert set(modes.values()) == {0o600}
    assert layout.admin_kubeconfig.stat().st_mode & 0o777 == 0o600


def test_lost_key_of_the_authority_is_refused_instead_of_replaced(layout):
    issue_all(layout, now=NOW)
    layout.key("ca").unlink()

    with pytest.raises(PermanentToolchainError, match="down --purge"):
        issue_all(layout, now=NOW)


def test_kubeconfig_points_at_the_nodes_address_with_the_documented_context(layout):
    issue_all(layout, now=NOW)

    config = yaml.safe_load(layout.admin_kubeconfig.read_text())
    assert config["current-context"] == "cryo-embedded"
    assert config["clusters"][0]["cluster"]["server"] == "https://192.168.177.1:16443"


def test_certificates_carry_the_authority_key_identifier_that_strict_verifiers_demand(layout):
    """Found on the cluster: agents on Python 3.13 could not talk to the API server without it."""
    issue_all(layout, now=NOW)

    own = load(layout.certificate("ca")).extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    for identity in identities(layout):
        extensions = load(layout.certificate(identity.name)).extensions
        named = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
        assert named == own
