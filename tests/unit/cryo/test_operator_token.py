"""The operator's token comes out of the Secret's listing, or one error says that there is none."""

import json

import pytest

from cryo.errors import PermanentCryoError
from cryo.operator_token import parse_token


def listing(*secrets):
    items = [
        {"metadata": {"creationTimestamp": created}, "data": {"password": encoded}} for created, encoded in secrets
    ]
    return json.dumps({"items": items})


def test_newest_secret_holds_the_token():
    text = listing(("2026-11-24T12:00:00Z", "b2xk"), ("2026-11-25T12:00:00Z", "bmV3"))

    assert parse_token(text, "cryoprotect") == "new"


def test_cluster_without_the_secret_is_one_error():
    with pytest.raises(PermanentCryoError, match="cryo up"):
        parse_token(listing(), "cryoprotect")
