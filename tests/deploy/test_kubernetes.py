"""The manifests, as kustomize makes them of the example, against the schemas of Kubernetes."""

from __future__ import annotations

import asyncio
import base64
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.config.files import loaded
from tests.conftest import leave_out
from tests.http.serving import TOKEN, Behind, serving

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"

# Of the Prometheus operator's custom resource, what is used here (monitoring.coreos.com/v1).
_SELECTOR = {
    "type": "object",
    "required": ["name", "key"],
    "additionalProperties": {"type": "string"},
}
_POD_MONITOR = {
    "type": "object",
    "required": ["selector", "podMetricsEndpoints"],
    "additionalProperties": False,
    "properties": {
        "selector": {"type": "object", "required": ["matchLabels"]},
        "podMetricsEndpoints": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["port"],
                "additionalProperties": False,
                "properties": {
                    "port": {"type": "string"},
                    "interval": {"type": "string", "pattern": r"^\d+s$"},
                    "authorization": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {"credentials": _SELECTOR, "type": {"type": "string"}},
                    },
                },
            },
        },
    },
}


@pytest.fixture(scope="module")
def resources() -> dict[str, dict[str, Any]]:
    """Each resource by its kind, and secrets by their key."""
    if shutil.which("kubectl") is None:
        leave_out("kubectl is not installed (apt-get install kubernetes-client)")
    command = ["kubectl", "kustomize", str(FOLDER / "example")]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    found: dict[str, dict[str, Any]] = {}
    for resource in yaml.safe_load_all(built.stdout):
        kind = resource["kind"]
        found[f"Secret {next(iter(resource['data']))}" if kind == "Secret" else kind] = resource
    return found


def test_every_resource_fits_its_schema(resources: dict[str, dict[str, Any]]) -> None:
    assert len(resources) == 9
    for kind, resource in resources.items():
        if kind == "PodMonitor":
            jsonschema.validate(resource["spec"], _POD_MONITOR)
        else:
            kubernetes_validate.validate(resource, "1.34", strict=True)


def test_a_wrong_resource_does_not(resources: dict[str, dict[str, Any]]) -> None:
    wrong = {**resources["Deployment"], "spec": {**resources["Deployment"]["spec"], "replica": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.34", strict=True)


def test_everything_finds_what_it_names(resources: dict[str, dict[str, Any]]) -> None:
    spec = resources["Deployment"]["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    token = resources["Secret token"]["metadata"]["name"]
    assert volumes["settings"]["configMap"]["name"] == resources["ConfigMap"]["metadata"]["name"]
    assert volumes["secrets"]["secret"]["secretName"] == token
    claim = volumes["kept"]["persistentVolumeClaim"]["claimName"]
    assert claim == resources["PersistentVolumeClaim"]["metadata"]["name"]
    (container,) = spec["containers"]
    cameras = resources["Secret GATE_PASSWORD"]["metadata"]["name"]
    assert container["envFrom"][0]["secretRef"]["name"] == cameras
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes.keys()
    labels = resources["Deployment"]["spec"]["template"]["metadata"]["labels"]
    for selector in (
        resources["Deployment"]["spec"]["selector"]["matchLabels"],
        resources["Service"]["spec"]["selector"],
        resources["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        resources["PodMonitor"]["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
    endpoint = resources["PodMonitor"]["spec"]["podMetricsEndpoints"][0]
    assert endpoint["authorization"]["credentials"] == {"name": token, "key": "token"}
    names = {port["name"] for port in container["ports"]}
    (ingress,) = resources["NetworkPolicy"]["spec"]["ingress"]
    assert endpoint["port"] in names
    assert {port["port"] for port in ingress["ports"]} == names


def test_probes_ask_what_is_answered_without_a_token(
    resources: dict[str, dict[str, Any]],
) -> None:
    (container,) = resources["Deployment"]["spec"]["template"]["spec"]["containers"]
    asked = [container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")]
    names = {port["name"] for port in container["ports"]}

    async def scenario() -> None:
        async with serving(Behind(), token=TOKEN) as client:
            for probe in asked:
                assert probe["port"] in names
                assert (await client.get(probe["path"])).status == 200

    asyncio.run(scenario())


def test_the_pod_may_run_where_only_restricted_ones_may(
    resources: dict[str, dict[str, Any]],
) -> None:
    level = resources["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    pod = resources["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert level == "restricted"
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_service_reads_its_settings(
    resources: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    cameras = resources["Secret GATE_PASSWORD"]["data"]
    variables = {name: base64.b64decode(value).decode() for name, value in cameras.items()}
    config = loaded(tmp_path, resources["ConfigMap"]["data"]["streamsel.yaml"], variables)
    container = resources["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    places = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert config.service is not None
    assert config.service.token_file == Path(places["secrets"]) / "token"
    assert config.service.listen.port == container["ports"][0]["containerPort"]
    assert config.sinks.disk is not None
    assert config.sinks.disk.path.is_relative_to(places["kept"])
