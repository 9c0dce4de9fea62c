"""Where a person reaches the platform, and one prediction asked the way a user would."""

import time
from dataclasses import dataclass
from typing import Any

import httpx

from cryo.errors import TemporaryCryoError
from cryo.settings import Settings

EXAMPLE_SMILES = "OCC(O)CO"
"""Glycerol: the best-known cryoprotectant, measured Tg about 190 K."""
PREDICTION_PATH = "/api/v1/predictions"
# Chosen: the gateway has picked up its routes long before `pulumi up` ends; this covers a slow first answer.
ASK_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses of one stack on this machine.

    Attributes:
        context: kubeconfig context that the stack belongs to.
        gateway_port: port on 127.0.0.1 where the embedded gateway listens.
        gateway: base URL of the gateway.
        prometheus: URL of Prometheus, or None where it has no route.
    """

    context: str
    gateway_port: int
    gateway: str
    prometheus: str | None

    @property
    def predictions(self) -> str:
        """URL to which predictions are posted."""
        return f"{self.gateway}{PREDICTION_PATH}"

    @property
    def pages(self) -> str:
        """URL of the pages for people."""
        return f"{self.gateway}/"

    def document(self) -> dict[str, str]:
        """Name and URL of each address."""
        urls = {"pages": self.pages, "gateway": self.gateway, "predictions": self.predictions}
        return urls if self.prometheus is None else {**urls, "prometheus": self.prometheus}

    def text(self) -> str:
        """The addresses for people, with one command to try."""
        lines = [f"{name:12} {url}" for name, url in self.document().items()]
        body = f'{{"target": "tg", "inputs": [{{"smiles": "{EXAMPLE_SMILES}"}}]}}'
        lines.append(f"try          curl -s {self.predictions} -H 'content-type: application/json' -d '{body}'")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Answer:
    """One prediction and the colour that made it."""

    document: dict[str, Any]
    colour: str

    @property
    def summary(self) -> str:
        """The prediction in one line."""
        first = self.document["predictions"][0]
        unit = self.document["unit"]
        interval = f"{first['lower']:.0f} to {first['upper']:.0f} {unit}"
        return f"Tg of glycerol {first['prediction']:.0f} {unit} ({interval}), answered by {self.colour}"


def find_addresses(settings: Settings) -> Addresses:
    """Addresses of the stack, from its environment files.

    Raises:
        ConfigError: an environment file is missing or wrong; the message names file, line, key and remedy.
    """
    from infra.environment_files import load_environment

    environment = load_environment(settings.environments, settings.stack)
    port = environment.gateway.host_port
    hostname = environment.prometheus.hostname
    return Addresses(
        context=environment.cluster.context,
        gateway_port=port,
        gateway=f"http://127.0.0.1:{port}",
        prometheus=f"http://{hostname}:{port}" if hostname else None,
    )


def ask_for_prediction(addresses: Addresses) -> Answer:
    """Ask for one prediction through the gateway, trying again while it comes up.

    Raises:
        TemporaryCryoError: no prediction within the time; the message tells the last answer.
    """
    body = {"target": "tg", "inputs": [{"smiles": EXAMPLE_SMILES}]}
    deadline = time.monotonic() + ASK_TIMEOUT_S
    last = "no answer"
    with httpx.Client(timeout=5.0, trust_env=False) as client:
        while time.monotonic() < deadline:
            try:
                response = client.post(addresses.predictions, json=body)
            except httpx.TransportError as error:
                last = str(error)
            else:
                if response.status_code == httpx.codes.OK:
                    return Answer(response.json(), response.headers.get("x-cryo-colour", "unknown"))
                last = f"{response.status_code} {response.text[:200]}"
            time.sleep(0.2)
    message = f"{addresses.predictions}: no prediction within {ASK_TIMEOUT_S:.0f} s ({last}); see `cryo status`"
    raise TemporaryCryoError(message)
