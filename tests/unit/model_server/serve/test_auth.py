"""Who may pass: roles, algorithms, times and the service token."""

import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from model_server.errors import RequestRefusedError, SettingInvalidError
from model_server.serve.auth import Gatekeeper, Role, TokenRules, read_secret

SECRET = b"k" * 64
NOW = 2_000_000_000.0


def claims(**changes):
    given = {"sub": "ada", "exp": time.time() + 600, "cryo_role": "operator", **changes}
    return {name: value for name, value in given.items() if value is not None}


def bearer(payload, key=SECRET, algorithm="HS256"):
    return f"Bearer {jwt.encode(payload, key, algorithm=algorithm)}".encode()


@pytest.fixture
def gatekeeper():
    return Gatekeeper(TokenRules("HS256", SECRET), b"s" * 40, clock=time.time)


@pytest.mark.parametrize(
    ("role", "needed", "passes"),
    [(role, needed, Role[role.upper()] >= needed) for role in ("viewer", "scientist", "operator") for needed in Role],
)
def test_each_role_may_do_what_the_ones_before_it_may(gatekeeper, role, needed, passes):
    header = bearer(claims(cryo_role=role))
    if passes:
        assert gatekeeper.admit(header, needed).who == "ada"
        return
    with pytest.raises(RequestRefusedError) as caught:
        gatekeeper.admit(header, needed)
    assert caught.value.status == 403


BAD = [
    pytest.param(None, 401, id="no header"),
    pytest.param(b"Basic abc", 401, id="another scheme"),
    pytest.param(b"Bearer ", 401, id="no token"),
    pytest.param(b"Bearer x.y.z", 401, id="no JWT"),
    pytest.param(b"Bearer " + b"x" * 9000, 401, id="long"),
    pytest.param(bearer(claims(), b"another" * 8), 401, id="another secret"),
    pytest.param(bearer(claims(), algorithm="HS512"), 401, id="another algorithm"),
    pytest.param(bearer(claims(), "", algorithm="none"), 401, id="algorithm none"),
    pytest.param(bearer(claims(exp=time.time() - 60)), 401, id="expired"),
    pytest.param(bearer(claims(exp=None)), 401, id="no expiry"),
    pytest.param(bearer(claims(sub=None)), 401, id="nobody"),
    pytest.param(bearer(claims(cryo_role=None)), 403, id="no role"),
    pytest.param(bearer(claims(cryo_role="root")), 403, id="unknown role"),
    pytest.param(bearer(claims(cryo_role=["operator"])), 403, id="role is a list"),
    pytest.param(b"Bearer " + b"s" * 39, 401, id="almost the service token"),
]


@pytest.mark.parametrize(("header", "status"), BAD)
def test_header_that_proves_nothing_is_refused_each_time(gatekeeper, header, status):
    for _ in range(2):
        with pytest.raises(RequestRefusedError) as caught:
            gatekeeper.admit(header, Role.OPERATOR)
        assert caught.value.status == status


def test_public_key_is_not_taken_for_a_shared_secret():
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    keeper = Gatekeeper(TokenRules("ES256", public), None, clock=time.time)
    head, body, _ = jwt.encode(claims(), SECRET, algorithm="HS256").split(".")
    forged = f"Bearer {head}.{body}.{'A' * 43}".encode()

    assert keeper.admit(bearer(claims(), private, "ES256"), Role.OPERATOR).role is Role.OPERATOR
    with pytest.raises(RequestRefusedError):
        keeper.admit(forged, Role.OPERATOR)


def test_remembered_token_expires_all_the_same():
    now = [time.time()]
    keeper = Gatekeeper(TokenRules("HS256", SECRET), None, clock=lambda: now[0])
    header = bearer(claims(exp=time.time() - 29))
    assert keeper.admit(header, Role.OPERATOR).who == "ada"

    now[0] += 100.0
    keeper._known[header] = keeper._known[header]._replace(expires_at=now[0] - 1)

    keeper._rules = TokenRules("HS256", b"x" * 40)
    with pytest.raises(RequestRefusedError):
        keeper.admit(header, Role.OPERATOR)


def test_audience_and_issuer_are_demanded_when_set():
    keeper = Gatekeeper(TokenRules("HS256", SECRET, "cryo", "lab"), None, clock=time.time)

    assert keeper.admit(bearer(claims(aud="cryo", iss="lab")), Role.VIEWER)
    for wrong in (claims(), claims(aud="cryo"), claims(aud="other", iss="lab")):
        with pytest.raises(RequestRefusedError):
            keeper.admit(bearer(wrong), Role.VIEWER)


def test_service_token_is_an_operator(gatekeeper):
    assert gatekeeper.admit(b"Bearer " + b"s" * 40, Role.OPERATOR).who == "service"


def test_without_any_key_nobody_passes():
    keeper = Gatekeeper(None, None, clock=time.time)

    assert keeper.admit(None, None) is None
    with pytest.raises(RequestRefusedError):
        keeper.admit(bearer(claims()), Role.VIEWER)


def test_closed_server_opens_its_probes_only(make_bench, operator):
    bench = make_bench(tokens_everywhere=True)

    assert bench.ask("GET", "/livez").status == bench.ask("GET", "/v2/health/ready").status == 200
    assert bench.infer([1.0]).status == bench.predict().status == bench.ask("GET", "/api/v1/models").status == 401
    assert bench.ask("GET", "/api/v1/models", **operator).status == 200


def test_memory_of_tokens_is_bounded(gatekeeper):
    for n in range(1100):
        gatekeeper._known[b"%d" % n] = gatekeeper.admit(b"Bearer " + b"s" * 40, Role.VIEWER)
        if n > 1030:
            break
    gatekeeper.admit(bearer(claims()), Role.VIEWER)

    assert len(gatekeeper._known) <= 1033


def test_short_or_absent_secret_is_refused(tmp_path):
    short = tmp_path / "short"
    short.write_text("abc\n")

    for path in (short, tmp_path / "absent"):
        with pytest.raises(SettingInvalidError, match="CRYO_JWT_KEY_FILE"):
            read_secret(path, "CRYO_JWT_KEY_FILE")
