"""Issues the certificates of the embedded cluster: one authority, one identity per component, kubeconfigs for clients.

Names and usages follow Kubernetes' "PKI certificates and requirements". Existing files are kept, so that a second run
changes nothing; a certificate that ends within `RENEW_BEFORE` is issued anew.
"""

import datetime as dt
import ipaddress
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from toolchain.cluster.layout import CONTEXT, NODE_NAME, Layout
from toolchain.errors import PermanentToolchainError
from toolchain.private_file import write_private

AUTHORITY_LIFE = dt.timedelta(days=3650)
IDENTITY_LIFE = dt.timedelta(days=397)
RENEW_BEFORE = dt.timedelta(days=60)
# Service-account tokens are signed with RS256, the one algorithm every verifier of them accepts.
TOKEN_KEY_BITS = 2048

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Identity:
    """One certificate: who it names and what it may be used for."""

    name: str
    common_name: str
    organization: str | None = None
    server_names: tuple[str, ...] = ()
    client: bool = True


def identities(layout: Layout) -> tuple[Identity, ...]:
    """Every certificate of the cluster below its authority."""
    node, api = str(layout.network.node.ip), str(layout.network.api_service)
    service = "kubernetes.default.svc"
    service_names = ("kubernetes", "kubernetes.default", service, f"{service}.cluster.local", "localhost", "127.0.0.1")
    return (
        Identity("etcd", "etcd", server_names=("localhost", "127.0.0.1")),
        Identity("etcd-client", "kube-apiserver-etcd-client"),
        Identity("apiserver", "kube-apiserver", server_names=(*service_names, node, api), client=False),
        Identity("apiserver-kubelet-client", "cryo:kube-apiserver-kubelet-client", "system:masters"),
        Identity("admin", "cryo:admin", "system:masters"),
        Identity("controller-manager", "system:kube-controller-manager"),
        Identity("scheduler", "system:kube-scheduler"),
        Identity("proxy", "system:kube-proxy"),
        Identity("local-path", "cryo:local-path"),
        Identity("kubelet", f"system:node:{NODE_NAME}", "system:nodes", server_names=(NODE_NAME, node)),
    )


KUBECONFIG_IDENTITIES = ("controller-manager", "scheduler", "proxy", "local-path", "kubelet")


def issue_all(layout: Layout, *, now: dt.datetime) -> tuple[str, ...]:
    """Issue what is missing or near its end.

    Args:
        layout: where the files go.
        now: the present, aware.

    Returns:
        Names of the certificates that were issued; empty when all were in place.

    Raises:
        PermanentToolchainError: the authority is half there or near its end; the message says how to start over.
    """
    layout.pki.mkdir(parents=True, exist_ok=True, mode=0o700)
    layout.config.mkdir(parents=True, exist_ok=True, mode=0o700)
    issued = [] if _authority_stands(layout, now) else [_issue_authority(layout, now)]
    if not layout.key("service-accounts").exists():
        write_private(layout.key("service-accounts"), _pem(rsa.generate_private_key(65537, TOKEN_KEY_BITS)))
        issued.append("service-accounts")
    for identity in identities(layout):
        if issued or not _stands(layout, identity.name, now):
            _issue(layout, identity, now)
            issued.append(identity.name)
    _write_kubeconfigs(layout)
    return tuple(issued)


def _authority_stands(layout: Layout, now: dt.datetime) -> bool:
    certificate, key = layout.certificate("ca"), layout.key("ca")
    if certificate.exists() != key.exists():
        message = f"{layout.pki}: the authority's certificate or key is missing; run `cryo down --purge` and start over"
        raise PermanentToolchainError(message)
    return certificate.exists() and _stands(layout, "ca", now)


def _stands(layout: Layout, name: str, now: dt.datetime) -> bool:
    path = layout.certificate(name)
    if not path.exists() or not layout.key(name).exists():
        return False
    return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc - now > RENEW_BEFORE


def _issue_authority(layout: Layout, now: dt.datetime) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cryoprotect-embedded")])
    builder = (
        _builder(name, name, key, now=now, life=AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    _write_pair(layout, "ca", builder.sign(key, hashes.SHA256()), key)
    return "ca"


def _issue(layout: Layout, identity: Identity, now: dt.datetime) -> None:
    authority = x509.load_pem_x509_certificate(layout.certificate("ca").read_bytes())
    authority_key = serialization.load_pem_private_key(layout.key("ca").read_bytes(), password=None)
    if not isinstance(authority_key, ec.EllipticCurvePrivateKey):
        message = f"{layout.key('ca')}: not an elliptic-curve key; run `cryo down --purge` and start over"
        raise PermanentToolchainError(message)
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, identity.common_name)]
    if identity.organization is not None:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, identity.organization))
    builder = (
        _builder(x509.Name(attributes), authority.subject, key, now=now, life=IDENTITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(_usages(identity)), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        # RFC 5280 demands it, and Python 3.13 refuses a certificate without it.
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
    )
    if identity.server_names:
        builder = builder.add_extension(_alternative_names(identity.server_names), critical=False)
    _write_pair(layout, identity.name, builder.sign(authority_key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, *, now: dt.datetime, life: dt.timedelta
) -> x509.CertificateBuilder:
    # Five minutes back: a host whose clock was stepped still accepts what it just issued.
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + life)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _usages(identity: Identity) -> list[x509.ObjectIdentifier]:
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH] if identity.client else []
    return [*usages, ExtendedKeyUsageOID.SERVER_AUTH] if identity.server_names else usages


def _alternative_names(names: tuple[str, ...]) -> x509.SubjectAlternativeName:
    entries: list[x509.GeneralName] = []
    for name in names:
        try:
            entries.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            entries.append(x509.DNSName(name))
    return x509.SubjectAlternativeName(entries)


def _pem(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_pair(layout: Layout, name: str, certificate: x509.Certificate, key: PrivateKey) -> None:
    # Key first: a kill between the two leaves a key without a certificate, which the next run replaces.
    write_private(layout.key(name), _pem(key))
    write_private(layout.certificate(name), certificate.public_bytes(serialization.Encoding.PEM))


def _write_kubeconfigs(layout: Layout) -> None:
    for identity in KUBECONFIG_IDENTITIES:
        write_private(layout.kubeconfig(identity), _kubeconfig(layout, identity))
    write_private(layout.admin_kubeconfig, _kubeconfig(layout, "admin"))


def _kubeconfig(layout: Layout, identity: str) -> bytes:
    def embedded(path: Path) -> str:
        return b64encode(path.read_bytes()).decode()

    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": CONTEXT,
                "cluster": {
                    "server": layout.api_url,
                    "certificate-authority-data": embedded(layout.certificate("ca")),
                },
            }
        ],
        "users": [
            {
                "name": identity,
                "user": {
                    "client-certificate-data": embedded(layout.certificate(identity)),
                    "client-key-data": embedded(layout.key(identity)),
                },
            }
        ],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": identity}}],
        "current-context": CONTEXT,
    }
    return yaml.safe_dump(document, sort_keys=False).encode()
